#include "ops/attention_tasks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "kernels/attention.h"

namespace halfbyte {
namespace {

struct Step {
  std::vector<SlicePositions> slices;
  int rows = 0;
  void add(int count, int first_position) {
    slices.push_back({rows, count, first_position});
    rows += count;
  }
};

// Every (row, head, block) that the row sees is in one task, and the task's results are where the next stage looks for them.
void expect_whole(const Step& step, const AttentionShape& shape, int threads, bool is_few) {
  AttentionTasks tasks;
  tasks.plan(step.slices, shape, threads, is_few);
  std::set<std::tuple<int, int, int>> seen;       // row, head, block
  std::map<std::pair<int, int>, int> part_owner;  // part, head -> row
  for (int thread = 0; thread < threads; ++thread)
    for (const AttentionTask& task : tasks.of(thread)) {
      const SlicePositions& slice = step.slices[static_cast<size_t>(task.slice)];
      const int group = shape.heads / shape.kv_heads;
      ASSERT_EQ(task.head / group, (task.end_head - 1) / group);
      ASSERT_LE(task.count * (task.end_head - task.head), AttentionTasks::kQueryRows);
      for (int t = task.first; t < task.first + task.count; ++t)
        for (int head = task.head; head < task.end_head; ++head) {
          const int row = slice.first_row + t;
          const AttentionTasks::Parts parts = tasks.parts(row);
          ASSERT_EQ(parts.count > 0, task.part >= 0);
          if (task.part >= 0) {
            ASSERT_EQ(task.count, 1);
            ASSERT_GE(task.part, parts.first);
            ASSERT_LT(task.part, parts.first + parts.count);
            ASSERT_TRUE(part_owner.emplace(std::pair{task.part, head}, row).second);
            ASSERT_LT(task.part, AttentionTasks::kMostParts);
          }
          for (int block = task.first_block; block <= task.last_block; ++block) ASSERT_TRUE(seen.emplace(row, head, block).second);
        }
    }
  for (const SlicePositions& slice : step.slices)
    for (int t = 0; t < slice.count; ++t) {
      const int position = slice.first_position + t;
      const int first = shape.window > 0 ? std::max(0, position + 1 - shape.window) / kCacheBlock : 0;
      for (int head = 0; head < shape.heads; ++head)
        for (int block = first; block <= position / kCacheBlock; ++block)
          ASSERT_TRUE(seen.contains({slice.first_row + t, head, block})) << position << " " << head << " " << block;
    }
}

TEST(AttentionTasks, CoverWhatEveryTokenSeesOnce) {
  std::mt19937 random(1);
  const auto below = [&](unsigned n) { return static_cast<int>(random() % n); };
  for (int i = 0; i < 300; ++i) {
    Step step;
    const int slices = 1 + below(12);
    for (int s = 0; s < slices; ++s) step.add(below(3) == 0 ? 1 + below(60) : 1, below(5) == 0 ? below(40000) : below(600));
    const int kv_heads = 1 + below(4);
    const AttentionShape shape{kv_heads * (1 + below(30)), kv_heads, below(2) == 0 ? 0 : 1 + below(900)};
    expect_whole(step, shape, 1 + below(4), step.rows <= 8);
    ASSERT_FALSE(HasFailure()) << i;
  }
}

TEST(AttentionTasks, OneLongConversationAmongShortOnesIsSharedByAllThreads) {
  Step step;
  step.add(1, 8000);
  for (int i = 0; i < 11; ++i) step.add(1, 100);
  const AttentionShape shape{9, 3, 0};
  AttentionTasks tasks;
  tasks.plan(step.slices, shape, 2, false);
  EXPECT_EQ(tasks.parts(0).count, 8000 / kCacheBlock + 1);
  EXPECT_EQ(tasks.parts(1).count, 0);
  int blocks[2] = {};
  for (const int thread : {0, 1})
    for (const AttentionTask& task : tasks.of(thread)) blocks[thread] += task.last_block - task.first_block + 1;
  EXPECT_NEAR(blocks[0], blocks[1], 12);
}

TEST(AttentionTasks, ABlockOfFewTokensIsAPartWhileThereIsRoom) {
  Step step;
  step.add(2, 600);
  AttentionTasks tasks;
  tasks.plan(step.slices, {4, 2, 0}, 2, true);
  EXPECT_EQ(tasks.parts(0).count, 3);
  EXPECT_EQ(tasks.parts(1).first, 3);
  Step deep;
  for (int i = 0; i < 8; ++i) deep.add(1, 100 * kCacheBlock);
  tasks.plan(deep.slices, {4, 2, 0}, 2, true);
  EXPECT_EQ(tasks.parts(7).first, 7);
  EXPECT_EQ(tasks.parts(7).count, 1);
}

}  // namespace
}  // namespace halfbyte
