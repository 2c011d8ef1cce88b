// Cache memory: pages of 32 positions, counted references. The only place that counts them; it knows bytes, not layouts.
#pragma once

#include <cstdint>
#include <vector>

#include "base/world.h"
#include "ops/kv_layout.h"

namespace halfbyte {

// Not thread-safe: the engine's thread owns it.
class BlockPool {
 public:
  // `pages` pages for each layer group of `layout`. Real memory is taken as pages are first used.
  static Result<BlockPool> create(const KvLayout& layout, int pages, const World& world = this_machine());

  int groups() const { return static_cast<int>(groups_.size()); }
  int pages() const { return pages_; }
  int used(int group) const { return pages_ - static_cast<int>(groups_[static_cast<size_t>(group)].free.size()); }
  // A page with one reference, or null when all are in use.
  std::byte* acquire(int group);
  void share(int group, std::byte* page);    // one reference more
  void release(int group, std::byte* page);  // one less; at none the page is free again

 private:
  struct Group {
    Buffer memory;
    size_t page_bytes = 0;
    std::vector<int32_t> free;        // last is next
    std::vector<int32_t> references;  // by page
  };
  size_t index_of(const Group& group, const std::byte* page) const {
    return static_cast<size_t>(page - group.memory.data()) / group.page_bytes;
  }
  int pages_ = 0;
  std::vector<Group> groups_;
};

}  // namespace halfbyte
