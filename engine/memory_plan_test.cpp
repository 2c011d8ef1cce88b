#include "engine/memory_plan.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

constexpr uint64_t kMega = 1000000;
const MemoryFacts kFacts{
    .available = 1000 * kMega, .weights = 300 * kMega, .workspace = 100 * kMega, .page_bytes = kMega / 2, .context = 3200};

TEST(MemoryPlan, GivesTheCacheRoomForEightSequencesWhereThereIs) {
  MemoryFacts facts = kFacts;
  facts.available = 10000 * kMega;
  const auto plan = plan_memory(facts, {});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->cache, 8 * 100 * kMega / 2);
  EXPECT_EQ(plan->cache_tokens, 8 * 3200);
  EXPECT_EQ(plan->total(), 800 * kMega);
  facts.available.reset();  // a system that does not say
  EXPECT_EQ(plan_memory(facts, {})->cache_tokens, 8 * 3200);
}

TEST(MemoryPlan, GivesTheCacheWhatIsLeftWhereItIsLess) {
  const auto plan = plan_memory(kFacts, {.memory_utilization = 0.6});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->cache, 200 * kMega);
  EXPECT_EQ(plan->cache_tokens, 400 * 32);
}

TEST(MemoryPlan, RefusesWhereNotOneSequenceFitsAndSaysWhatIsNeeded) {
  const auto plan = plan_memory(kFacts, {.memory_utilization = 0.42});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, Code::kTooLong);
  EXPECT_EQ(plan.error().message,
            "a context of 3200 tokens needs 50.0 MB of cache beside 400.0 MB of weights and work space, and 42 % of the memory that is "
            "available are 420.0 MB: give less context, or another memory_utilization");
}

TEST(MemoryPlan, ObeysWhatIsGiven) {
  EXPECT_EQ(plan_memory(kFacts, {.kv_memory_bytes = 60 * kMega})->cache_tokens, 120 * 32);
  EXPECT_EQ(plan_memory(kFacts, {.cache_tokens = 6400})->cache_tokens, 6400);
  EXPECT_EQ(plan_memory(kFacts, {.cache_tokens = 1})->cache_tokens, 3200);  // one sequence always fits
  EXPECT_EQ(plan_memory(kFacts, {.kv_memory_bytes = 40 * kMega}).error().message,
            "kv_memory: 40.0 MB hold 2560 tokens, a sequence may have 3200: give at least 50.0 MB, or less context");
}

}  // namespace
}  // namespace halfbyte
