#include "engine/block_pool.h"

namespace halfbyte {

Result<BlockPool> BlockPool::create(const KvLayout& layout, int pages, const World& world) {
  BlockPool pool;
  pool.pages_ = pages;
  for (const KvLayout::Group& kind : layout.groups()) {
    Group group;
    group.page_bytes = kind.page_bytes;
    HB_TRY_INTO(group.memory, world.allocate(kind.page_bytes * static_cast<size_t>(pages)));
    for (int32_t p = pages; p-- > 0;) group.free.push_back(p);
    pool.groups_.push_back(std::move(group));
  }
  return pool;
}

std::byte* BlockPool::acquire(int group) {
  Group& g = groups_[static_cast<size_t>(group)];
  if (g.free.empty()) return nullptr;
  const auto page = static_cast<size_t>(g.free.back());
  g.free.pop_back();
  return g.memory.data() + page * g.page_bytes;
}

void BlockPool::release(int group, std::byte* page) {
  Group& g = groups_[static_cast<size_t>(group)];
  g.free.push_back(static_cast<int32_t>(static_cast<size_t>(page - g.memory.data()) / g.page_bytes));
}

}  // namespace halfbyte
