#include "ops/state_layout.h"

#include <algorithm>
#include <utility>

#include "base/checked.h"

namespace halfbyte {
namespace {

constexpr uint64_t kLine = 64;  // what is placed starts at a cache line

}  // namespace

void StateList::paged(int layer, const PagedState& state) {
  const auto at = static_cast<size_t>(layer);
  if (at >= layers_.size()) layers_.resize(at + 1);
  layers_[at] = state;
}

void StateList::fixed(std::string name, size_t bytes) { fixed_.push_back({std::move(name), bytes}); }

StateLayout::StateLayout(const StateList& list, const KvType& k, const KvType& v)
    : layers_(list.layers()), k_type_(&k), v_type_(&v), places_(layers_.size()), fixed_(list.fixed()) {
  for (size_t i = 0; i < layers_.size(); ++i) {
    const PagedState& layer = layers_[i];
    if (layer.heads == 0) continue;
    auto group = std::ranges::find(groups_, layer.window, &Group::window);
    if (group == groups_.end()) group = groups_.insert(groups_.end(), Group{layer.window, 0});
    places_[i] = {static_cast<int>(group - groups_.begin()), group->page_bytes};
    group->page_bytes +=
        round_up(kPagePositions * static_cast<size_t>(layer.heads) * (row_bytes(k, layer.k_dims) + row_bytes(v, layer.v_dims)), kLine);
  }
  for (const StateList::Fixed& state : fixed_) slab_bytes_ += round_up(state.bytes, kLine);
}

size_t StateLayout::row_bytes(const KvType& type, int dims) {
  const auto n = static_cast<size_t>(dims);
  return n * static_cast<size_t>(type.number_bytes) + ceil_div(n, size_t{kScaleDims}) * static_cast<size_t>(type.scale_bytes);
}

size_t StateLayout::k_offset(int layer, int head) const {
  return places_[static_cast<size_t>(layer)].offset + static_cast<size_t>(head) * 2 * k_tile_bytes(layer);
}

size_t StateLayout::v_offset(int layer, int head) const {
  return k_offset(layer, this->layer(layer).heads) + static_cast<size_t>(head) * v_page_bytes(layer);
}

size_t StateLayout::fixed_offset(std::string_view name) const {
  size_t offset = 0;
  for (const StateList::Fixed& state : fixed_) {
    if (state.name == name) break;
    offset += round_up(state.bytes, kLine);
  }
  return offset;
}

size_t StateLayout::page_bytes() const {
  size_t bytes = 0;
  for (const Group& group : groups_) bytes += group.page_bytes;
  return bytes;
}

size_t StateLayout::bytes_for(int positions) const {
  size_t sum = slab_bytes_;
  for (const Group& group : groups_) {
    const auto pages = ceil_div(static_cast<uint64_t>(positions), kPagePositions);
    sum += group.page_bytes * pages;
  }
  return sum;
}

}  // namespace halfbyte
