// Where keys and values lie inside a cache page. A page holds 32 positions of every layer of one group (layers that see the same
// window), so that a group's pages outside its window can be given back. Inside a page, layer by layer:
//     kv head 0: K tiles 2 x [dim][16 positions], ..., last kv head; then kv head 0: V rows 32 x [dim], ...
#pragma once

#include <cstddef>
#include <vector>

#include "halfbyte/engine.h"
#include "kernels/attention.h"

namespace halfbyte {

struct KvLayer {
  int kv_heads = 0;
  int head_dim = 0;
  int window = 0;  // 0: all positions
};

class KvLayout {
 public:
  KvLayout(const std::vector<KvLayer>& layers, KvType type);

  struct Group {
    int window = 0;
    size_t page_bytes = 0;
  };
  const std::vector<Group>& groups() const { return groups_; }
  int group_of(int layer) const { return places_[static_cast<size_t>(layer)].group; }
  const KvLayer& layer(int layer) const { return layers_[static_cast<size_t>(layer)]; }
  KvType type() const { return type_; }
  size_t element_bytes() const { return type_ == KvType::kF16 ? 2 : 4; }
  // Byte offsets inside a page of the layer's group.
  size_t k_offset(int layer, int kv_head) const;
  size_t v_offset(int layer, int kv_head) const;
  // One 16-key tile, and one V row.
  size_t k_tile_bytes(int layer) const { return static_cast<size_t>(layers_[static_cast<size_t>(layer)].head_dim) * 16 * element_bytes(); }
  size_t v_row_bytes(int layer) const { return static_cast<size_t>(layers_[static_cast<size_t>(layer)].head_dim) * element_bytes(); }
  // Bytes of cache that `positions` of one sequence take at most, over all groups.
  size_t bytes_for(int positions) const;

 private:
  struct Place {
    int group = 0;
    size_t offset = 0;  // of the layer inside the page
  };
  std::vector<KvLayer> layers_;
  KvType type_;
  std::vector<Place> places_;
  std::vector<Group> groups_;
};

}  // namespace halfbyte
