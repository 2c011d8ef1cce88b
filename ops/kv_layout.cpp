#include "ops/kv_layout.h"

#include <algorithm>
#include <limits>

#include "base/checked.h"

namespace halfbyte {

float greatest_kept(KvType type) {
  switch (type) {
    case KvType::kF16: return 65504.0F;
    case KvType::kBf16: return 0x1.fep127F;
    case KvType::kQ8_0: return 127 * 65504.0F;  // the greatest int8 times the greatest scale
    case KvType::kF32: break;
  }
  return std::numeric_limits<float>::infinity();
}

KvLayout::KvLayout(const std::vector<KvLayer>& layers, KvType type) : layers_(layers), type_(type) {
  for (const KvLayer& layer : layers_) {
    auto group = std::ranges::find(groups_, layer.window, &Group::window);
    if (group == groups_.end()) group = groups_.insert(groups_.end(), Group{layer.window, 0});
    places_.push_back({static_cast<int>(group - groups_.begin()), group->page_bytes});
    group->page_bytes += round_up(size_t{4} * static_cast<size_t>(layer.kv_heads) * k_tile_bytes(layer), 64);
  }
}

size_t KvLayout::k_tile_bytes(const KvLayer& layer) const {
  const auto dims = static_cast<size_t>(layer.head_dim);
  switch (type_) {
    case KvType::kF16:
    case KvType::kBf16: return 16 * 2 * dims;
    case KvType::kQ8_0: return 16 * (dims + 2 * ceil_div(dims, size_t{kScaleDims}));
    case KvType::kF32: break;
  }
  return 16 * 4 * dims;
}

size_t KvLayout::k_offset(int layer, int kv_head) const {
  return places_[static_cast<size_t>(layer)].offset + static_cast<size_t>(kv_head) * 2 * k_tile_bytes(layer);
}

size_t KvLayout::v_offset(int layer, int kv_head) const {
  const auto heads = static_cast<size_t>(layers_[static_cast<size_t>(layer)].kv_heads);
  return places_[static_cast<size_t>(layer)].offset + heads * 2 * k_tile_bytes(layer) +
         static_cast<size_t>(kv_head) * 2 * k_tile_bytes(layer);
}

size_t KvLayout::bytes_for(int positions) const {
  size_t sum = 0;
  for (const Group& group : groups_) {
    const auto pages = ceil_div(static_cast<uint64_t>(positions), kPagePositions);
    sum += group.page_bytes * pages;
  }
  return sum;
}

}  // namespace halfbyte
