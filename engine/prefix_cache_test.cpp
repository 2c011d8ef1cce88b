// The prefix cache over memory without a model: which pages a sequence takes over.
#include "engine/prefix_cache.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <random>

namespace halfbyte {
namespace {

std::vector<Token> some_tokens(int n, Token first = 0) {
  std::vector<Token> out;
  for (int i = 0; i < n; ++i) out.push_back(first + i * 7 % 101);
  return out;
}

std::vector<Token> joined(std::vector<Token> a, const std::vector<Token>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

struct Desk {
  Memory memory;
  PrefixCache cache;
  std::string principal = "ann";
  explicit Desk(int window = 0, int pages = 16, int slab_bytes = 0)
      : memory(std::move(*Memory::create(layout(window, slab_bytes), sizes(window, pages)))) {}

  static StateLayout layout(int window, int slab_bytes) {
    StateList list;
    list.paged(0, {.heads = 1, .k_dims = 8, .v_dims = 8});
    if (window > 0) list.paged(1, {.heads = 1, .k_dims = 8, .v_dims = 8, .window = window});
    if (slab_bytes > 0) list.fixed("convolution", static_cast<size_t>(slab_bytes));
    return StateLayout(list);
  }
  static Need sizes(int window, int pages) { return {.pages = std::vector<int>(window > 0 ? 2 : 1, pages), .slabs = 6}; }

  // Computes what is missing of `tokens` in steps of `chunk`. Every position depends on all tokens up to it, as it does in a model.
  void compute(CachedSequence& sequence, const std::vector<Token>& tokens, int chunk = 512) {
    while (sequence.length < static_cast<int>(tokens.size())) {
      const int count = std::min(chunk, static_cast<int>(tokens.size()) - sequence.length);
      ASSERT_TRUE(memory.reserve(sequence, count));
      for (; pending < count; ++pending) {
        const int position = sequence.length + pending;
        for (const auto& table : sequence.tables) {
          const auto mark = mark_at(tokens, position);
          std::memcpy(table[static_cast<size_t>(position / 32)] + position % 32 * 4, &mark, sizeof mark);
        }
      }
      if (sequence.slab != nullptr) {
        const auto mark = mark_at(tokens, sequence.length + count - 1);
        std::memcpy(sequence.slab, &mark, sizeof mark);
      }
      pending = 0;
      sequence.length += count;
      cache.commit(memory, sequence, principal, tokens);
    }
  }
  CachedSequence computed(const std::vector<Token>& tokens, int chunk = 512) {
    CachedSequence sequence;
    compute(sequence, tokens, chunk);
    return sequence;
  }
  void leave(const std::vector<Token>& tokens, int chunk = 512) {
    CachedSequence sequence = computed(tokens, chunk);
    memory.release(sequence);
  }
  // How much a new sequence takes over; it goes at once. What it took over is what computing it would give.
  int found(const std::vector<Token>& tokens) {
    CachedSequence sequence;
    const int length = cache.extend(memory, sequence, principal, tokens);
    EXPECT_EQ(length, sequence.length);
    for (const auto& table : sequence.tables)
      for (int position = 0; position < length; ++position) {
        const std::byte* page = table[static_cast<size_t>(position / 32)];
        const auto mark = mark_at(tokens, position);
        EXPECT_TRUE(page == nullptr || std::memcmp(page + position % 32 * 4, &mark, sizeof mark) == 0) << position;
      }
    if (sequence.slab != nullptr) {
      const auto mark = mark_at(tokens, length - 1);
      EXPECT_EQ(std::memcmp(sequence.slab, &mark, sizeof mark), 0);
    }
    memory.release(sequence);
    return length;
  }

 private:
  static uint32_t mark_at(const std::vector<Token>& tokens, int position) {
    uint32_t mark = 17;
    for (int i = 0; i <= position; ++i) mark = mark * 31 + static_cast<uint32_t>(tokens[static_cast<size_t>(i)]);
    return mark;
  }
  int pending = 0;
};

TEST(PrefixCache, ASequenceGoesOnBehindTheWholePagesThatBeginAlike) {
  Desk desk;
  const std::vector<Token> system = some_tokens(80);
  desk.leave(joined(system, some_tokens(40, 300)));
  EXPECT_EQ(desk.found(joined(system, some_tokens(40, 300))), 96);
  EXPECT_EQ(desk.found(joined(system, some_tokens(40, 400))), 64);
  EXPECT_EQ(desk.found(some_tokens(80)), 64);
  EXPECT_EQ(desk.found(some_tokens(31)), 0);
  EXPECT_EQ(desk.found(some_tokens(80, 1)), 0);
}

TEST(PrefixCache, EqualTokensAfterOtherOnesAreNotThePage) {
  Desk desk;
  desk.leave(joined(some_tokens(32), some_tokens(32, 500)));
  desk.leave(joined(some_tokens(32, 900), some_tokens(32, 700)));
  EXPECT_EQ(desk.found(joined(some_tokens(32, 900), some_tokens(32, 500))), 32);
  EXPECT_EQ(desk.found(some_tokens(32, 500)), 0);
}

TEST(PrefixCache, NothingIsSharedBetweenPrincipals) {
  Desk desk;
  desk.leave(some_tokens(64));
  desk.principal = "bob";
  EXPECT_EQ(desk.found(some_tokens(64)), 0);
  desk.leave(some_tokens(64));
  EXPECT_EQ(desk.found(some_tokens(64)), 64);
  desk.principal = "ann";
  EXPECT_EQ(desk.found(some_tokens(64)), 64);
}

TEST(PrefixCache, PagesOfOneThatStillRunsAreShared) {
  Desk desk;
  CachedSequence first = desk.computed(some_tokens(70)), second;
  const int free = desk.memory.free_pages();
  EXPECT_EQ(desk.cache.extend(desk.memory, second, "ann", some_tokens(70)), 64);
  EXPECT_EQ(desk.memory.free_pages(), free);
  EXPECT_EQ(second.tables[0][1], first.tables[0][1]);
}

TEST(PrefixCache, OneThatHasBegunGoesOnBehindWhatAnotherHasComputedMeanwhile) {
  Desk desk(40);
  CachedSequence first, second;
  desk.compute(second, some_tokens(40));  // half of its second page
  desk.compute(first, some_tokens(160), 32);
  EXPECT_EQ(desk.cache.extend(desk.memory, second, "ann", some_tokens(160)), 120);
  desk.compute(second, joined(some_tokens(160), some_tokens(20, 900)));
  desk.memory.release(first);
  desk.memory.release(second);
  EXPECT_EQ(desk.memory.free(), desk.memory.size());
  EXPECT_EQ(desk.found(joined(some_tokens(160), some_tokens(20, 900))), 160);
}

TEST(PrefixCache, MemoryIsNeverRefusedForItsSake) {
  Desk desk(0, 8);
  desk.leave(some_tokens(256));
  desk.leave(some_tokens(256, 1000));
  EXPECT_EQ(desk.found(some_tokens(256, 1000)), 256);
  EXPECT_EQ(desk.found(some_tokens(256)), 0);
}

TEST(PrefixCache, OfWhatNobodyUsesTheLeastRecentlyUsedGoesFirstFromItsEnd) {
  Desk desk(0, 8);
  desk.leave(some_tokens(96));
  desk.leave(some_tokens(96, 1000));
  EXPECT_EQ(desk.found(some_tokens(96)), 96);  // used again just now
  desk.leave(some_tokens(128, 2000));
  EXPECT_EQ(desk.found(some_tokens(96)), 96);
  EXPECT_EQ(desk.found(some_tokens(96, 1000)), 32);
  EXPECT_EQ(desk.found(some_tokens(128, 2000)), 128);
}

TEST(PrefixCache, BehindAWindowAsFarAsItsPagesAreThere) {
  Desk desk(40, 16);
  const std::vector<Token> long_one = some_tokens(400);
  desk.leave(long_one, 32);
  EXPECT_EQ(desk.found(long_one), 384);
  EXPECT_EQ(desk.found(joined(some_tokens(200), some_tokens(40, 900))), 192);  // in its midst too: nothing needed the memory
  desk.leave(some_tokens(320, 2000), 32);                                      // now something does
  EXPECT_EQ(desk.found(joined(some_tokens(200), some_tokens(40, 900))), 192);
}

TEST(PrefixCache, BehindASlabWhereAStepEndedAtAPagesEnd) {
  Desk desk(0, 16, 96);
  desk.leave(some_tokens(100), 64);
  EXPECT_EQ(desk.found(some_tokens(100)), 64);  // steps of 64 and 36
  EXPECT_EQ(desk.found(joined(some_tokens(90), some_tokens(9, 900))), 64);
  EXPECT_EQ(desk.found(joined(some_tokens(50), some_tokens(9, 900))), 0);
}

TEST(PrefixCache, KnowsNoMorePagesThanTwiceThoseOfMemory) {
  Desk desk(0, 8);
  for (int i = 0; i < 500; ++i) desk.leave(some_tokens(64, 1000 + i));
  EXPECT_LE(desk.cache.pages(), 2U * (8 + 16));
  EXPECT_EQ(desk.found(some_tokens(64, 1499)), 64);
}

class PrefixCacheOnDisk : public testing::Test {
 protected:
  void SetUp() override {
    folder = std::filesystem::path(testing::TempDir()) /
             ("prefix_cache_" + std::to_string(::getpid()) + "_" + testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder);
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
  void keep(Desk& desk) const { desk.cache.keep_in(std::move(*PrefixStore::open(folder, "desk", uint64_t{1} << 20))); }
  static void save(Desk& desk) {
    while (desk.cache.has_unsaved()) desk.cache.save_one(desk.memory);
  }
  std::filesystem::path folder;
};

TEST_F(PrefixCacheOnDisk, WhatASequenceLeftIsFoundByTheNextProcess) {
  for (const int window : {0, 40}) {
    Desk first(window);
    keep(first);
    first.leave(some_tokens(150), 64);
    save(first);
    Desk next(window);
    EXPECT_EQ(next.found(some_tokens(150)), 0);
    keep(next);
    EXPECT_EQ(next.found(joined(some_tokens(100), some_tokens(40, 900))), 96);
    EXPECT_EQ(next.found(some_tokens(150)), 128);
    EXPECT_EQ(next.memory.free(), next.memory.size());
    next.principal = "bob";
    EXPECT_EQ(next.found(some_tokens(150)), 0);
    std::filesystem::remove_all(folder);
  }
}

TEST_F(PrefixCacheOnDisk, GoesOnBehindWhatIsInMemory) {
  Desk desk(0, 6);
  keep(desk);
  desk.leave(some_tokens(128));
  save(desk);
  desk.leave(some_tokens(96, 1000));  // takes the two free pages and one of the first's end
  EXPECT_EQ(desk.found(some_tokens(128)), 128);
  EXPECT_EQ(desk.memory.free(), desk.memory.size());
}

TEST_F(PrefixCacheOnDisk, APageThatLeftMemoryBeforeItWasSavedIsNotSaved) {
  Desk desk(0, 4);
  keep(desk);
  desk.leave(some_tokens(128));
  desk.leave(some_tokens(128, 1000));
  save(desk);
  EXPECT_EQ(desk.found(some_tokens(128)), 0);
  EXPECT_EQ(desk.found(some_tokens(128, 1000)), 128);
}

// Whatever is asked in whatever order, what is taken over is what computing it would give (found() compares), and no page is lost.
TEST(PrefixCache, GivesWhatWasComputedUnderAnySeed) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    const auto below = [&](int n) { return static_cast<int>(random() % static_cast<uint64_t>(n)); };
    Desk desk(seed % 2 == 0 ? 0 : 50, 12, seed % 3 == 0 ? 64 : 0);
    for (int i = 0; i < 200; ++i) {
      desk.principal = below(2) == 0 ? "ann" : "bob";
      const std::vector<Token> tokens = joined(joined(some_tokens(below(120), below(2)), some_tokens(below(90), 200 * below(3))),
                                               some_tokens(below(60) + 1, 77 * below(9)));
      if (below(3) == 0) desk.found(tokens);
      CachedSequence sequence;
      desk.cache.extend(desk.memory, sequence, desk.principal, std::span(tokens).first(tokens.size() - 1));
      desk.compute(sequence, tokens, 1 + below(100));
      desk.memory.release(sequence);
      ASSERT_EQ(desk.memory.free(), desk.memory.size()) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace halfbyte
