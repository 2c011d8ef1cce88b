#include "engine/block_pool.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

BlockPool pool_of(int pages) {
  return std::move(
      *BlockPool::create(KvLayout({{.kv_heads = 1, .head_dim = 8}, {.kv_heads = 1, .head_dim = 8, .window = 64}}, KvType::kF16), pages));
}

TEST(BlockPool, HandsOutEveryPageOnceAndThenNone) {
  BlockPool pool = pool_of(2);
  std::byte* a = pool.acquire(0);
  std::byte* b = pool.acquire(0);
  EXPECT_NE(a, b);
  EXPECT_EQ(pool.acquire(0), nullptr);
}

TEST(BlockPool, GroupsHavePagesOfTheirOwn) {
  BlockPool pool = pool_of(1);
  ASSERT_EQ(pool.groups(), 2);
  EXPECT_NE(pool.acquire(0), nullptr);
  EXPECT_NE(pool.acquire(1), nullptr);
}

TEST(BlockPool, AReleasedPageIsUsedAgain) {
  BlockPool pool = pool_of(1);
  std::byte* page = pool.acquire(0);
  pool.release(0, page);
  EXPECT_EQ(pool.used(0), 0);
  EXPECT_EQ(pool.acquire(0), page);
}

}  // namespace
}  // namespace halfbyte
