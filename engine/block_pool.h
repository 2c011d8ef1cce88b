// Cache memory: pages of 32 positions. The only place that knows which are free; it knows bytes, not layouts.
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
  // A page, or null when all are in use.
  std::byte* acquire(int group);
  void release(int group, std::byte* page);  // Requires: an acquired page of this group

 private:
  struct Group {
    Buffer memory;
    size_t page_bytes = 0;
    std::vector<int32_t> free;  // last is next
  };
  int pages_ = 0;
  std::vector<Group> groups_;
};

}  // namespace halfbyte
