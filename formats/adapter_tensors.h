// Collects the tensors of an adapter, in any order, into pairs.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "formats/adapter.h"

namespace halfbyte {

class AdapterTensors {
 public:
  explicit AdapterTensors(std::string path) : path_(std::move(path)) {}
  // `name`: of the matrix. kCorrupt: not two dimensions, or there already under the same name.
  Result<void> add_a(const std::string& name, double scale, TensorLocation tensor);
  Result<void> add_b(const std::string& name, TensorLocation tensor);
  // kCorrupt: there is none, one has no other, or their ranks differ.
  Result<std::vector<LowRankTensors>> take();

 private:
  struct Parts {
    std::optional<TensorLocation> a, b;
    double scale = 1;
  };
  Result<void> put(std::optional<TensorLocation>& place, TensorLocation tensor) const;
  std::string path_;
  std::map<std::string, Parts> parts_;
};

}  // namespace halfbyte
