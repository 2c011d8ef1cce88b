// Memory as a value: what its verbs take, give back and keep. Bytes stand for keys and values.
#include "engine/memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace halfbyte {
namespace {

// One layer that sees all, one that sees 40 positions back.
StateList two_windows() {
  StateList list;
  list.paged(0, {.heads = 1, .k_dims = 8, .v_dims = 8});
  list.paged(1, {.heads = 1, .k_dims = 8, .v_dims = 8, .window = 40});
  return list;
}

// The same of a formula that has a convolution, too.
StateList with_a_slab() {
  StateList list = two_windows();
  list.fixed("convolution", 96);
  return list;
}

constexpr int kAll = 0, kWindow = 1;  // groups

struct Desk {
  Memory memory;
  explicit Desk(const StateList& list, int pages = 8, int slabs = 4)
      : memory(std::move(*Memory::create(StateLayout(list), {.pages = {pages, pages}, .slabs = slabs}))) {}

  // As a run does: positions get their bytes.
  [[nodiscard]] bool compute(CachedSequence& sequence, int tokens, char mark = 'a') {
    if (!memory.reserve(sequence, tokens)) return false;
    for (int position = sequence.length; position < sequence.length + tokens; ++position)
      for (const auto& table : sequence.tables)
        std::memset(table[static_cast<size_t>(position / 32)] + position % 32, mark + position % 23, 1);
    if (sequence.slab != nullptr) std::memset(sequence.slab, mark + tokens, 96);
    sequence.length += tokens;
    return true;
  }
  CachedSequence computed(int tokens, char mark = 'a') {
    CachedSequence sequence;
    EXPECT_TRUE(compute(sequence, tokens, mark));
    memory.commit(sequence);
    return sequence;
  }
  // What another sequence may begin with.
  Prefix kept(const CachedSequence& sequence, int pages) {
    Prefix prefix{.position = 32 * pages, .pages = {{}, {}}};
    for (int g = 0; g < 2; ++g)
      for (int page = 0; page < pages; ++page) prefix.pages[static_cast<size_t>(g)].push_back(memory.keep(sequence, g, page));
    return prefix;
  }
  int free(int group) const { return memory.free().pages[static_cast<size_t>(group)]; }
};

std::string bytes_of(const CachedSequence& sequence, int group, int page) {
  const std::byte* at = sequence.tables[static_cast<size_t>(group)][static_cast<size_t>(page)];
  return at == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(at), 32);
}

TEST(Memory, TakesAPageForEvery32PositionsOfEachGroup) {
  Desk desk(two_windows());
  CachedSequence sequence;
  EXPECT_EQ(desk.memory.need(sequence, 33), (Need{.pages = {2, 2}}));
  EXPECT_TRUE(desk.compute(sequence, 33));
  EXPECT_EQ(desk.memory.need(sequence, 31), (Need{.pages = {0, 0}}));
  EXPECT_EQ(desk.memory.need(sequence, 32), (Need{.pages = {1, 1}}));
  EXPECT_EQ(desk.memory.free(), (Need{.pages = {6, 6}}));
  desk.memory.release(sequence);
  EXPECT_EQ(desk.memory.free(), desk.memory.size());
}

TEST(Memory, AForkSharesFullPagesAndGoesItsOwnWay) {
  Desk desk(with_a_slab());
  CachedSequence first = desk.computed(70), second;
  EXPECT_EQ(desk.free(kAll), 5);
  ASSERT_TRUE(desk.memory.fork(first, second));
  EXPECT_EQ(second.length, 70);
  EXPECT_EQ(desk.free(kAll), 4) << "the page that is written next";
  EXPECT_EQ(desk.free(kWindow), 4);
  for (int page = 0; page < 3; ++page)
    for (const int group : {kAll, kWindow}) EXPECT_EQ(bytes_of(second, group, page), bytes_of(first, group, page));
  EXPECT_EQ(std::memcmp(second.slab, first.slab, 96), 0);
  const std::string before = bytes_of(first, kAll, 2);
  ASSERT_TRUE(desk.compute(second, 30, 'z'));
  EXPECT_EQ(bytes_of(first, kAll, 2), before);
  EXPECT_NE(bytes_of(second, kAll, 2), before);
  desk.memory.release(first);
  EXPECT_EQ(bytes_of(second, kAll, 0)[0], 'a');
  desk.memory.release(second);
  EXPECT_EQ(desk.memory.free(), desk.memory.size());
}

TEST(Memory, AForkThatDoesNotFitTakesNothing) {
  Desk desk(two_windows(), 3);
  CachedSequence first = desk.computed(70), second;
  EXPECT_FALSE(desk.memory.fork(first, second));
  EXPECT_EQ(second.length, 0);
  EXPECT_TRUE(second.tables.empty());
  Desk other(two_windows(), 2);
  first = other.computed(64);
  EXPECT_TRUE(other.memory.fork(first, second)) << "at a page's border nothing is copied";
}

TEST(Memory, RefusesWhatDoesNotFitAndTakesNothing) {
  Desk desk(two_windows(), 3);
  CachedSequence first = desk.computed(64), second;
  EXPECT_FALSE(desk.memory.reserve(second, 33));
  EXPECT_EQ(desk.memory.free(), (Need{.pages = {1, 1}}));
  EXPECT_TRUE(desk.memory.reserve(second, 32));
  desk.memory.release(first);
  desk.memory.release(second);
  EXPECT_EQ(desk.memory.free(), desk.memory.size());
}

TEST(Memory, GivesBackWhatIsOutsideTheWindowWhenPositionsAreCommitted) {
  Desk desk(two_windows());
  CachedSequence sequence;
  ASSERT_TRUE(desk.compute(sequence, 100));
  EXPECT_EQ(desk.free(kWindow), 4);
  desk.memory.commit(sequence);  // the next position, 100, sees 61 and later
  EXPECT_EQ(desk.free(kWindow), 5);
  EXPECT_EQ(desk.free(kAll), 4);
  EXPECT_EQ(sequence.tables[kWindow][0], nullptr);
  EXPECT_NE(sequence.tables[kWindow][1], nullptr);
}

TEST(Memory, RewindsAcrossAWindowToWhatIsCommitted) {
  Desk desk(two_windows());
  CachedSequence sequence = desk.computed(70);
  const std::string before = bytes_of(sequence, kWindow, 1);
  ASSERT_TRUE(desk.compute(sequence, 60, 'A'));  // a draft that the window passes over
  EXPECT_EQ(desk.memory.rewind(sequence, 70), 70);
  EXPECT_EQ(sequence.length, 70);
  EXPECT_EQ(desk.memory.free(), (Need{.pages = {5, 5}}));
  EXPECT_EQ(bytes_of(sequence, kWindow, 1), before);
  ASSERT_TRUE(desk.compute(sequence, 10));
  EXPECT_EQ(bytes_of(sequence, kAll, 2).substr(0, 80 - 64), bytes_of(desk.computed(80), kAll, 2).substr(0, 80 - 64));
}

TEST(Memory, RewindsToAnyPositionOfADraft) {
  Desk desk(two_windows());
  CachedSequence sequence = desk.computed(31);
  ASSERT_TRUE(desk.compute(sequence, 40, 'A'));
  EXPECT_EQ(desk.memory.rewind(sequence, 33), 33);
  EXPECT_EQ(desk.memory.free(), (Need{.pages = {6, 6}}));
  desk.memory.commit(sequence);
  EXPECT_EQ(sequence.committed, 33);
}

TEST(Memory, ASlabStartsAsZerosAndIsRewoundToItsSnapshot) {
  Desk desk(with_a_slab());
  CachedSequence sequence;
  ASSERT_TRUE(desk.memory.reserve(sequence, 1));
  EXPECT_EQ(std::string(reinterpret_cast<char*>(sequence.slab), 96), std::string(96, '\0'));
  ASSERT_TRUE(desk.compute(sequence, 10));
  desk.memory.commit(sequence);
  const std::string before(reinterpret_cast<char*>(sequence.slab), 96);
  const auto snapshot = desk.memory.snapshot(sequence);
  ASSERT_TRUE(snapshot);
  ASSERT_TRUE(desk.compute(sequence, 5, 'A'));
  EXPECT_EQ(desk.memory.rewind(sequence, 13, &*snapshot), 10);  // 10 to 13 are to be computed anew
  EXPECT_EQ(sequence.length, 10);
  EXPECT_EQ(std::string(reinterpret_cast<char*>(sequence.slab), 96), before);
  desk.memory.let_go(*snapshot);
  desk.memory.release(sequence);
  EXPECT_EQ(desk.memory.free(), desk.memory.size());
  CachedSequence next;  // takes the same slab
  ASSERT_TRUE(desk.memory.reserve(next, 1));
  EXPECT_EQ(std::string(reinterpret_cast<char*>(next.slab), 96), std::string(96, '\0'));
}

TEST(Memory, SharesAPrefixWithoutAPageMore) {
  Desk desk(two_windows());
  CachedSequence first = desk.computed(64), second;
  const Prefix prefix = desk.kept(first, 2);
  const Need free = desk.memory.free();
  ASSERT_TRUE(desk.memory.share(second, prefix));
  EXPECT_EQ(second.length, 64);
  EXPECT_EQ(desk.memory.free(), free);
  EXPECT_EQ(second.tables[kAll], first.tables[kAll]);
  ASSERT_TRUE(desk.compute(second, 3));
  desk.memory.release(first);  // the second still has them
  EXPECT_EQ(desk.free(kAll), 8 - 3);
  EXPECT_TRUE(desk.memory.has(kAll, prefix.pages[kAll][0]));
  desk.memory.release(second);
  EXPECT_EQ(desk.memory.free(), desk.memory.size());
}

TEST(Memory, SharesOnlyWhatTheWindowShows) {
  Desk desk(two_windows());
  CachedSequence first;
  ASSERT_TRUE(desk.compute(first, 96));
  Prefix prefix = desk.kept(first, 3);
  desk.memory.commit(first);  // page 0 of the window is free, and kept
  CachedSequence second;
  prefix.pages[kWindow][0] = {};
  ASSERT_TRUE(desk.memory.share(second, prefix));
  EXPECT_EQ(second.tables[kWindow][0], nullptr);
  EXPECT_EQ(second.tables[kWindow][1], first.tables[kWindow][1]);
  desk.memory.release(first);
  desk.memory.release(second);
  EXPECT_EQ(desk.memory.free(), desk.memory.size());
}

TEST(Memory, ASequenceThatHasBegunGoesOnWithWhatAnotherComputed) {
  Desk desk(two_windows());
  CachedSequence first;
  ASSERT_TRUE(desk.compute(first, 96));
  const Prefix prefix = desk.kept(first, 3);
  desk.memory.commit(first);
  CachedSequence second = desk.computed(32);
  ASSERT_TRUE(desk.memory.share(second, prefix));
  EXPECT_EQ(second.length, 96);
  EXPECT_NE(second.tables[kAll][0], first.tables[kAll][0]);
  EXPECT_EQ(second.tables[kAll][1], first.tables[kAll][1]);
  EXPECT_EQ(second.tables[kWindow][0], nullptr);
  desk.memory.release(first);
  desk.memory.release(second);
  EXPECT_EQ(desk.memory.free(), desk.memory.size());
}

TEST(Memory, KeptPagesStayUntilTheirMemoryIsNeededTheOldestFirst) {
  Desk desk(two_windows(), 4);
  CachedSequence old = desk.computed(64);
  const Prefix prefix = desk.kept(old, 2);
  desk.memory.release(old);
  EXPECT_EQ(desk.free(kAll), 4);
  CachedSequence next = desk.computed(96);
  EXPECT_TRUE(desk.memory.has(kAll, prefix.pages[kAll][0]));
  EXPECT_FALSE(desk.memory.has(kAll, prefix.pages[kAll][1]));  // the end of a prefix is the first to go
  CachedSequence another;
  EXPECT_FALSE(desk.memory.share(another, prefix));
  EXPECT_EQ(another.length, 0);
  EXPECT_EQ(desk.free(kAll), 1);
  desk.memory.release(next);
  EXPECT_TRUE(desk.memory.has(kAll, prefix.pages[kAll][0]));  // what nobody kept is used again first
  next = desk.computed(96);
  EXPECT_TRUE(desk.memory.has(kAll, prefix.pages[kAll][0]));
}

TEST(Memory, ACopyOfASlabComesWithASharedPrefix) {
  Desk desk(with_a_slab(), 8, 3);
  CachedSequence first = desk.computed(64);
  Prefix prefix = desk.kept(first, 2);
  const auto snapshot = desk.memory.snapshot(first);
  prefix.slab = snapshot->slab;
  desk.memory.let_go(*snapshot);  // nobody's, and still there
  ASSERT_TRUE(desk.compute(first, 8, 'B'));
  CachedSequence second, third;
  ASSERT_TRUE(desk.memory.share(second, prefix));
  EXPECT_EQ(second.slab[0], std::byte{'a' + 64});
  EXPECT_NE(second.slab, first.slab);
  EXPECT_FALSE(desk.memory.share(third, prefix));  // the only free slab is the copy itself
  EXPECT_EQ(third.slab, nullptr);
  desk.memory.release(first);
  EXPECT_TRUE(desk.memory.share(third, prefix));
}

TEST(Memory, WhatIsWrittenAndReadBackIsWhatWasKept) {
  Desk desk(two_windows());
  CachedSequence first = desk.computed(64);
  const Prefix prefix = desk.kept(first, 2);
  std::vector<std::string> written;
  for (const KeptPage page : prefix.pages[kAll]) {
    const auto bytes = desk.memory.bytes(kAll, page);
    written.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  Desk other(two_windows());
  for (const std::string& bytes : written) {
    const auto page = other.memory.read(kAll, std::as_bytes(std::span(bytes)));
    ASSERT_TRUE(page);
    EXPECT_TRUE(other.memory.has(kAll, *page));
    const auto found = other.memory.bytes(kAll, *page);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(found.data()), found.size()), bytes);
  }
  EXPECT_EQ(other.free(kAll), 8);  // nobody uses them
}

}  // namespace
}  // namespace halfbyte
