// Where keys and values lie inside a cache page. A page holds 32 positions of every layer of one group (layers that see the same
// window), so that a group's pages outside its window can be given back. Inside a page, layer by layer:
//     kv head 0: K tiles 2 x [dim][16 positions], ..., last kv head; then kv head 0: V rows 32 x [dim], ...
// A q8_0 cache has a half-precision scale per position, head and 32 dims (the choice of the published engines), beside the int8 it scales:
//     K tile, per 32 dims:  | 16 scales | dims 0..3: position 0, 1, ... 15 | dims 4..7 | ... | dims 28..31 |   read from front to back
//     V of a kv head:       | row 0: dims | row 1 | ... | row 31 | 32 scales of dims 0..31 | 32 scales of dims 32..63 | ...
// Both K and V take dims + 2 * ceil(dims / 32) bytes a position: 53 % of f16. kernels/attention.h says how they are used.
#pragma once

#include <cstddef>
#include <vector>

#include "halfbyte/kv_type.h"
#include "kernels/attention.h"

namespace halfbyte {

struct KvLayer {
  int kv_heads = 0;
  int head_dim = 0;
  int window = 0;  // 0: all positions
};

// The greatest magnitude that a cache keeps; what is beyond is stored as it. f32: infinity, nothing is.
float greatest_kept(KvType type);

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
  // Byte offsets inside a page of the layer's group.
  size_t k_offset(int layer, int kv_head) const;
  size_t v_offset(int layer, int kv_head) const;
  // One 16-key tile; the 32 V rows of a head take two times that.
  size_t k_tile_bytes(int layer) const { return k_tile_bytes(layers_[static_cast<size_t>(layer)]); }
  // Bytes of cache that `positions` of one sequence take at most, over all groups.
  size_t bytes_for(int positions) const;

 private:
  struct Place {
    int group = 0;
    size_t offset = 0;  // of the layer inside the page
  };
  size_t k_tile_bytes(const KvLayer& layer) const;

  std::vector<KvLayer> layers_;
  KvType type_;
  std::vector<Place> places_;
  std::vector<Group> groups_;
};

}  // namespace halfbyte
