#include "formats/adapter_tensors.h"

#include "base/errors.h"
#include "formats/limits.h"

namespace halfbyte {

Result<void> AdapterTensors::put(std::optional<TensorLocation>& place, TensorLocation tensor) const {
  if (place) return corrupt("{}: tensors '{}' and '{}' are the same part", path_, escaped(place->name), escaped(tensor.name));
  if (tensor.shape.size() == 3)
    return unsupported("{}: tensor '{}' changes experts; this build applies adapters to the layers that all tokens pass", path_,
                       escaped(tensor.name));
  if (tensor.shape.size() != 2 || tensor.elements() == 0)
    return corrupt("{}: tensor '{}': shape [{}], expected two dimensions, neither of them 0", path_, escaped(tensor.name),
                   fmt::join(tensor.shape, ", "));
  place = std::move(tensor);
  return {};
}

Result<void> AdapterTensors::add_a(const std::string& name, double scale, TensorLocation tensor) {
  parts_[name].scale = scale;
  return put(parts_[name].a, std::move(tensor));
}

Result<void> AdapterTensors::add_b(const std::string& name, TensorLocation tensor) { return put(parts_[name].b, std::move(tensor)); }

Result<std::vector<LowRankTensors>> AdapterTensors::take() {
  if (parts_.empty()) return corrupt("{}: an adapter without tensors", path_);
  std::vector<LowRankTensors> out;
  for (auto& [name, parts] : parts_) {
    if (!parts.a || !parts.b)
      return corrupt("{}: {} has a part {} and no {}", path_, escaped(name), parts.a ? "A" : "B", parts.a ? "B" : "A");
    if (parts.a->shape[0] != parts.b->shape[1])
      return corrupt("{}: {}: A is of rank {}, B of {}", path_, escaped(name), parts.a->shape[0], parts.b->shape[1]);
    if (parts.a->shape[0] > limits::kAdapterRank)
      return unsupported("{}: {} is of rank {}, at most {}", path_, escaped(name), parts.a->shape[0], limits::kAdapterRank);
    out.push_back({.name = name, .a = std::move(*parts.a), .b = std::move(*parts.b), .scale = parts.scale});
  }
  return out;
}

}  // namespace halfbyte
