// Weights of toy formulas, all float32, for tests.
#pragma once

#include <cmath>
#include <deque>
#include <vector>

#include "ops/weights.h"

namespace halfbyte {

class TestWeights {
 public:
  MatrixId matrix(uint32_t rows, uint32_t columns) {
    auto& values = values_.emplace_back();
    for (uint32_t i = 0; i < rows * columns; ++i) values.push_back(std::sin(static_cast<float>(i * 7 + values_.size())) / 4);
    weights.matrices.push_back({.format = find_number_format("F32"),
                                .rows = rows,
                                .columns = columns,
                                .data = reinterpret_cast<const std::byte*>(values.data()),
                                .stride = columns * sizeof(float)});
    return {static_cast<int32_t>(weights.matrices.size()) - 1};
  }

  std::vector<float>& values(MatrixId id) { return values_[static_cast<size_t>(id.index)]; }
  std::vector<double> values_of(MatrixId id, size_t row) const {
    const size_t columns = weights[id].columns;
    const float* const begin = values_[static_cast<size_t>(id.index)].data() + row * columns;
    return {begin, begin + columns};
  }
  // The matrix times x in double precision.
  std::vector<double> times(MatrixId id, const std::vector<double>& x) const {
    std::vector<double> y;
    for (size_t r = 0; r < weights[id].rows; ++r) {
      const std::vector<double> of = values_of(id, r);
      double sum = 0;
      for (size_t c = 0; c < x.size(); ++c) sum += of[c] * x[c];
      y.push_back(sum);
    }
    return y;
  }

  Weights weights;

 private:
  std::deque<std::vector<float>> values_;
};

}  // namespace halfbyte
