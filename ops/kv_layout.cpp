#include "ops/kv_layout.h"

#include <algorithm>

#include "base/checked.h"

namespace halfbyte {

KvLayout::KvLayout(const std::vector<KvLayer>& layers, KvType type) : layers_(layers), type_(type) {
  for (const KvLayer& layer : layers_) {
    auto group = std::ranges::find(groups_, layer.window, &Group::window);
    if (group == groups_.end()) group = groups_.insert(groups_.end(), Group{layer.window, 0});
    places_.push_back({static_cast<int>(group - groups_.begin()), group->page_bytes});
    const size_t elements = size_t{2} * static_cast<size_t>(layer.kv_heads * layer.head_dim) * kPagePositions;
    group->page_bytes += round_up(elements * element_bytes(), 64);
  }
}

size_t KvLayout::k_offset(int layer, int kv_head) const {
  return places_[static_cast<size_t>(layer)].offset + static_cast<size_t>(kv_head) * 2 * k_tile_bytes(layer);
}

size_t KvLayout::v_offset(int layer, int kv_head) const {
  const auto heads = static_cast<size_t>(layers_[static_cast<size_t>(layer)].kv_heads);
  return places_[static_cast<size_t>(layer)].offset + heads * 2 * k_tile_bytes(layer) +
         static_cast<size_t>(kv_head) * kPagePositions * v_row_bytes(layer);
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
