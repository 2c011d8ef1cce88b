// What a sequence keeps between steps, and where it lies. A formula lists it (StateList), the layout places it: keys and values in
// pages, state of a fixed size in a slab.
//
// A page holds 32 positions of every layer of one group (layers that see the same window), so that a group's pages outside its window
// can be given back. Inside a page, layer by layer:
//     kv head 0: K tiles 2 x [dim][16 positions], ..., last kv head; then kv head 0: V rows 32 x [dim], ...
// A q8_0 cache has a half-precision scale per position, head and 32 dims (the choice of the published engines), beside the int8 it scales:
//     K tile, per 32 dims:  | 16 scales | dims 0..3: position 0, 1, ... 15 | dims 4..7 | ... | dims 28..31 |   read from front to back
//     V of a kv head:       | row 0: dims | row 1 | ... | row 31 | 32 scales of dims 0..31 | 32 scales of dims 32..63 | ...
// So they take dims + 2 * ceil(dims / 32) bytes a position: 53 % of f16. kernels/attention.h says how they are used. K and V have types of
// their own.
//
// A slab holds a sequence's states of fixed size (of convolutions, of recurrences), one after the other in the order of the list. It
// starts as zeros and changes with every token, so that only a copy of it leads back to an earlier position.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/attention.h"
#include "ops/kv_type.h"

namespace halfbyte {

// Keys and values of one layer: a row of each per position and head.
struct PagedState {
  int heads = 0;
  int k_dims = 0, v_dims = 0;
  int window = 0;  // positions back that are seen; 0: all
};

class StateList {
 public:
  void paged(int layer, const PagedState& state);
  void fixed(std::string name, size_t bytes);  // per sequence

  struct Fixed {
    std::string name;
    size_t bytes = 0;
  };
  const std::vector<PagedState>& layers() const { return layers_; }  // by layer; without heads: keeps no pages
  const std::vector<Fixed>& fixed() const { return fixed_; }

 private:
  std::vector<PagedState> layers_;
  std::vector<Fixed> fixed_;
};

class StateLayout {
 public:
  // The types must outlive the layout, as those of kv_types() do.
  explicit StateLayout(const StateList& list, const KvType& k = kv_types().front(), const KvType& v = kv_types().front());

  struct Group {
    int window = 0;
    size_t page_bytes = 0;
  };
  const std::vector<Group>& groups() const { return groups_; }
  int group_of(int layer) const { return places_[static_cast<size_t>(layer)].group; }
  const PagedState& layer(int layer) const { return layers_[static_cast<size_t>(layer)]; }
  int layers() const { return static_cast<int>(layers_.size()); }
  const KvType& k_type() const { return *k_type_; }
  const KvType& v_type() const { return *v_type_; }
  // Byte offsets inside a page of the layer's group.
  size_t k_offset(int layer, int head) const;
  size_t v_offset(int layer, int head) const;
  size_t k_tile_bytes(int layer) const { return 16 * row_bytes(*k_type_, this->layer(layer).k_dims); }              // of 16 keys
  size_t v_page_bytes(int layer) const { return kPagePositions * row_bytes(*v_type_, this->layer(layer).v_dims); }  // of one head

  size_t page_bytes() const;                         // of a page of every group
  size_t slab_bytes() const { return slab_bytes_; }  // 0: the formula keeps nothing of a fixed size
  size_t fixed_offset(std::string_view name) const;  // inside a slab. Requires: the list has it

  // Bytes that `positions` of one sequence take at most, over all groups and its slab.
  size_t bytes_for(int positions) const;

 private:
  struct Place {
    int group = -1;
    size_t offset = 0;  // of the layer inside the page
  };
  static size_t row_bytes(const KvType& type, int dims);  // of a position and head, scales included

  std::vector<PagedState> layers_;
  const KvType *k_type_, *v_type_;
  std::vector<Place> places_;
  std::vector<Group> groups_;
  std::vector<StateList::Fixed> fixed_;
  size_t slab_bytes_ = 0;
};

}  // namespace halfbyte
