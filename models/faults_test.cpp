// Loading in a world where something fails: every read, every opening, every piece of memory in turn.
#include <gtest/gtest.h>

#include "base/faulty_world.h"
#include "models/model.h"
#include "models/tiny_model.h"

namespace halfbyte {
namespace {

using Fault = FaultyWorld::Fault;
namespace fs = std::filesystem;

const fs::path kDirectory = fs::path(HALFBYTE_TEST_DATA) / "tiny" / "qwen3moe";

// Fails with the name of a file, or loads when nothing went wrong.
void expect_every_fault_named(const fs::path& path, Fault fault, int least) {
  ThreadPool pool(2);
  const int calls = with_every(fault, [&](const FaultyWorld& world) {
    const auto model = load_model(path, pool, world);
    ASSERT_NE(static_cast<bool>(model), world.has_failed());
    if (model) return;
    EXPECT_EQ(model.error().code, Code::kIo);
    EXPECT_TRUE(model.error().message.starts_with(path.string())) << model.error().message;
  });
  EXPECT_GE(calls, least);
}

TEST(LoadFaults, AFileThatCannotBeOpenedIsNamed) {
  expect_every_fault_named(TinyModelFile().path(), Fault::kOpen, 1);
  expect_every_fault_named(kDirectory, Fault::kOpen, 2);
}

TEST(LoadFaults, AReadThatFailsIsNamed) {
  const TinyModelFile quantized({.format = "Q4_1"});
  expect_every_fault_named(quantized.path(), Fault::kRead, 20);
  expect_every_fault_named(kDirectory, Fault::kRead, 20);
}

TEST(LoadFaults, OtherBytesAreRefusedOrHarmless) {
  const TinyModelFile file({.format = "Q8_0"});
  ThreadPool pool(2);
  for (const fs::path& path : {file.path(), kDirectory})
    with_every(Fault::kBytes, [&](const FaultyWorld& world) {
      const auto model = load_model(path, pool, world);
      if (!model) {
        EXPECT_NE(model.error().message.find(path.string()), std::string::npos) << model.error().message;
      }
    });
}

// The file really becomes shorter while it is read: whatever part of it is there, the load says so.
TEST(LoadFaults, AFileCutWhileItIsReadIsNamed) {
  class CuttingWorld final : public World {
   public:
    CuttingWorld(fs::path file, uint64_t bytes) : file_(std::move(file)), bytes_(bytes) {}
    Result<Buffer> allocate(size_t bytes) const override {  // headers and vectors are read, matrices are not
      fs::resize_file(file_, bytes_);
      return World::allocate(bytes);
    }

   private:
    fs::path file_;
    uint64_t bytes_;
  };
  ThreadPool pool(2);
  const uint64_t whole = TinyModel().bytes().size();
  for (uint64_t bytes = 0; bytes < whole - 2 * 4 * 64; bytes += whole / 40) {  // the last vectors lie at the end
    const TinyModelFile file;
    const auto model = load_model(file.path(), pool, CuttingWorld(file.path(), bytes));
    ASSERT_FALSE(model) << bytes;
    EXPECT_EQ(model.error().code, Code::kCorrupt);
    EXPECT_TRUE(model.error().message.starts_with(file.path().string() + ": file changed")) << model.error().message;
  }
}

TEST(LoadFaults, MemoryThatIsNotThereIsAnError) {
  const TinyModelFile file;
  ThreadPool pool(2);
  const int calls = with_every(Fault::kAllocate, [&](const FaultyWorld& world) {
    const auto model = load_model(file.path(), pool, world);
    ASSERT_NE(static_cast<bool>(model), world.has_failed());
    if (!model) {
      EXPECT_EQ(model.error().code, Code::kIo);
    }
  });
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace halfbyte
