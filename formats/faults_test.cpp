// Checkpoints of several files on a disk that fails: opened, then every tensor read.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/faulty_world.h"
#include "formats/checkpoint.h"
#include "formats/gguf_bytes.h"
#include "formats/safetensors_samples.h"

namespace halfbyte {
namespace {

using namespace gguf_bytes;
namespace fs = std::filesystem;

class FormatFaults : public testing::Test {
 protected:
  FormatFaults() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) / (std::string("halfbyte-faults-") + test->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~FormatFaults() override { fs::remove_all(folder_); }

  fs::path write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }

  fs::path write_shards() const {
    const auto shard = [](uint16_t index, const std::string& tensor) {
      std::vector<std::string> entries = {u16_entry("split.no", index), u16_entry("split.count", 2)};
      if (index == 0) entries.push_back(text_entry("general.architecture", "llama"));
      return file(entries, {record(tensor, {2}, 0, 0)}, raw(1.0F) + raw(-1.0F));
    };
    write("m-00002-of-00002.gguf", shard(1, "b"));
    return write("m-00001-of-00002.gguf", shard(0, "a"));
  }

  // A rope table is computed and the query's rows are turned, so that every way to a tensor is taken.
  fs::path write_directory() const {
    const auto tensor = [](const std::string& name, const std::string& shape, size_t values) {
      return safetensors_file(
          "{\"" + name + "\":{\"dtype\":\"F32\",\"shape\":[" + shape + "],\"data_offsets\":[0," + std::to_string(4 * values) + "]}}",
          std::string(4 * values, '\1'));
    };
    write("config.json", R"({"model_type": "llama", "vocab_size": 8, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1,
      "num_attention_heads": 2, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "tie_word_embeddings": true})");
    write("a.safetensors", tensor("model.embed_tokens.weight", "8,16", 128));
    write("b.safetensors", tensor("model.layers.0.self_attn.q_proj.weight", "16,16", 256));
    write("model.safetensors.index.json", R"({"weight_map": {"model.embed_tokens.weight": "a.safetensors",
      "model.layers.0.self_attn.q_proj.weight": "b.safetensors"}})");
    return folder_;
  }

  static Result<void> read_all(const fs::path& path, const World& world) {
    HB_TRY_ASSIGN(checkpoint, open_checkpoint(path, world));
    for (const TensorLocation& tensor : checkpoint.tensors) {
      std::vector<std::byte> bytes(tensor.bytes);
      HB_TRY(checkpoint.read(tensor, 0, bytes));
    }
    return {};
  }

  void expect_every_fault_named(const fs::path& path, FaultyWorld::Fault fault, int least) const {
    const int calls = with_every(fault, [&](const FaultyWorld& world) {
      const auto done = read_all(path, world);
      ASSERT_NE(static_cast<bool>(done), world.has_failed());
      if (done) return;
      EXPECT_EQ(done.error().code, Code::kIo);
      EXPECT_TRUE(done.error().message.starts_with(folder_.string() + "/")) << done.error().message;
    });
    EXPECT_GE(calls, least);
  }

  fs::path folder_;
};

TEST_F(FormatFaults, AShardThatCannotBeOpenedIsNamed) { expect_every_fault_named(write_shards(), FaultyWorld::Fault::kOpen, 2); }
TEST_F(FormatFaults, AReadOfAShardThatFailsIsNamed) { expect_every_fault_named(write_shards(), FaultyWorld::Fault::kRead, 4); }
TEST_F(FormatFaults, AFileOfADirectoryThatCannotBeOpenedIsNamed) {
  expect_every_fault_named(write_directory(), FaultyWorld::Fault::kOpen, 4);
}
TEST_F(FormatFaults, AReadInADirectoryThatFailsIsNamed) { expect_every_fault_named(write_directory(), FaultyWorld::Fault::kRead, 6); }

TEST_F(FormatFaults, OtherBytesAreRefusedOrHarmless) {
  for (const fs::path& path : {write_shards(), write_directory()})
    with_every(FaultyWorld::Fault::kBytes, [&](const FaultyWorld& world) {
      const auto done = read_all(path, world);
      if (!done) {
        EXPECT_NE(done.error().message.find(folder_.string()), std::string::npos) << done.error().message;
      }
    });
}

}  // namespace
}  // namespace halfbyte
