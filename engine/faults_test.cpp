// An engine in a world where something fails, and one whose clock the test moves.
#include <gtest/gtest.h>

#include "base/faulty_world.h"
#include "halfbyte/engine.h"
#include "models/tiny_model.h"

namespace halfbyte {
namespace {

const EngineOptions kSmall{.context_tokens = 64, .threads = 2};

TEST(EngineFaults, MemoryThatIsNotThereIsAnErrorOfOpening) {
  const TinyModelFile file;
  const int calls = with_every(FaultyWorld::Fault::kAllocate, [&](const FaultyWorld& world) {
    const auto engine = Engine::open(file.path(), kSmall, world);
    ASSERT_NE(static_cast<bool>(engine), world.has_failed());
    if (engine) return;
    EXPECT_EQ(engine.error().code, Code::kIo);
    EXPECT_NE(engine.error().message.find("bytes of memory"), std::string::npos) << engine.error().message;
  });
  EXPECT_EQ(calls, 5);  // weights, cache, workspace: shared and one for each thread
}

TEST(EngineFaults, WeightsThatDoNotFitAreRefusedBeforeTheyAreRead) {
  class SmallWorld final : public World {
   public:
    std::optional<uint64_t> available_memory() const override { return 100000; }
    Result<Buffer> allocate(size_t bytes) const override {
      ADD_FAILURE() << bytes << " bytes";
      return World::allocate(bytes);
    }
  };
  const TinyModelFile file;
  const SmallWorld world;
  const auto engine = Engine::open(file.path(), kSmall, world);
  ASSERT_FALSE(engine);
  EXPECT_EQ(engine.error().code, Code::kIo);
  EXPECT_NE(engine.error().message.find("MB of memory, 0.1 MB may be used"), std::string::npos) << engine.error().message;
}

TEST(EngineFaults, AReadThatFailsIsAnErrorOfOpening) {
  const TinyModelFile file;
  const int calls = with_every(FaultyWorld::Fault::kRead, [&](const FaultyWorld& world) {
    const auto engine = Engine::open(file.path(), kSmall, world);
    ASSERT_NE(static_cast<bool>(engine), world.has_failed());
    if (!engine) {
      EXPECT_TRUE(engine.error().message.starts_with(file.path().string() + ": cannot read at byte ")) << engine.error().message;
    }
  });
  EXPECT_GT(calls, 10);
}

TEST(EngineFaults, TimesAreTheWorldsClocks) {
  // Each look at the clock finds it 3 ms further.
  class SteppingWorld final : public World {
   public:
    std::chrono::steady_clock::time_point now() const override {
      return std::chrono::steady_clock::time_point(++looks_ * std::chrono::milliseconds(3));
    }

   private:
    mutable std::atomic<int> looks_{0};
  };
  const TinyModelFile file;
  const SteppingWorld world;
  auto engine = Engine::open(file.path(), kSmall, world);
  ASSERT_TRUE(engine);
  const auto reply = engine->complete({.prompt = {1, 2, 3}, .max_tokens = 4, .ignore_eos = true});
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->usage.prompt_ms, 3);
  EXPECT_EQ(reply->usage.generation_ms, 18);  // three steps more, each with a look before and one after
}

}  // namespace
}  // namespace halfbyte
