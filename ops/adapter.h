// Low-rank changes of a model's matrices (LoRA, Hu et al. 2021, arXiv 2106.09685), which the rows of a step get or do not get:
//   y = W x + bias, then for each adapter of the row, in its order: y = y + (factor * scale) * (B (A x))
// x is not rounded, and both products are sums of the F32 kernel's order (kernels/README.md): as all else, the bits depend on nothing but
// the row and its adapters.
#pragma once

#include <cstdint>
#include <vector>

#include "base/buffer.h"
#include "ops/weights.h"

namespace halfbyte {

struct LowRank {
  Matrix a, b;  // rank x columns and rows x rank, panels of F32
  float scale = 1;
};

// Of one model. Immutable once loaded.
struct Adapter {
  std::vector<LowRank> changes;
  std::vector<int32_t> by_matrix;  // MatrixId -> index in changes, or -1. Only matrices of Step::linear() are changed
  int rank = 0;                    // the greatest, in whole panels
  uint64_t identity = 0;           // of all of its bits
  Buffer storage;

  const LowRank* find(MatrixId id) const {
    const int32_t index = by_matrix[static_cast<size_t>(id.index)];
    return index < 0 ? nullptr : &changes[static_cast<size_t>(index)];
  }
};

constexpr int kMostAdapters = 4;  // of a row

struct AppliedAdapter {
  const Adapter* adapter = nullptr;
  float factor = 1;
  bool operator==(const AppliedAdapter&) const = default;
};

}  // namespace halfbyte
