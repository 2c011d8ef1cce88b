// A Hugging Face directory reads as the GGUF file converted from it does: the same keys, and every tensor bit by bit.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "formats/checkpoint.h"
#include "formats/safetensors.h"
#include "tests/reference/reference_models.h"

namespace halfbyte {
namespace {

namespace fs = std::filesystem;

std::vector<std::byte> bytes_of(const Checkpoint& checkpoint, const TensorLocation& tensor) {
  std::vector<std::byte> out(tensor.bytes);
  const auto read = checkpoint.read(tensor, 0, out);
  EXPECT_TRUE(read) << read.error().message;
  return out;
}

void expect_what_the_conversion_holds(const Checkpoint& directory, const std::string& name) {
  const auto gguf = open_checkpoint(fs::path(HALFBYTE_TINY_MODELS) / (name + ".gguf"));
  ASSERT_TRUE(gguf) << gguf.error().message;
  const std::string prefix = *gguf->metadata.text("general.architecture") + ".";
  for (const auto& [key, value] : gguf->metadata.all()) {
    if (!key.starts_with(prefix) && key != "general.architecture" && key != "general.name") continue;
    const MetadataValue* found = directory.metadata.find(key);
    ASSERT_NE(found, nullptr) << key;
    EXPECT_EQ(*found, value) << key;
  }
  ASSERT_EQ(directory.tensors.size(), gguf->tensors.size());
  for (const TensorLocation& expected : gguf->tensors) {
    const TensorLocation* found = directory.find(expected.name);
    ASSERT_NE(found, nullptr) << expected.name;
    EXPECT_EQ(found->shape, expected.shape) << expected.name;
    EXPECT_EQ(found->format, expected.format) << expected.name;
    EXPECT_EQ(bytes_of(directory, *found), bytes_of(*gguf, expected)) << expected.name;
  }
}

// NAME's tensors in two files with an index, every other one in the second.
void write_sharded(const fs::path& source, const fs::path& target) {
  fs::remove_all(target);
  fs::create_directories(target);
  fs::copy_file(source / "config.json", target / "config.json");
  const auto file = File::open(source / "model.safetensors");
  ASSERT_TRUE(file);
  const auto entries = parse_safetensors(*file);
  ASSERT_TRUE(entries);
  std::string map;
  for (const size_t shard : {0, 1}) {
    const std::string name = "model-0000" + std::to_string(shard + 1) + "-of-00002.safetensors";
    std::string header, data;
    for (size_t i = shard; i < entries->size(); i += 2) {
      const SafetensorsEntry& entry = (*entries)[i];
      const size_t begin = data.size();
      data.resize(begin + entry.bytes);
      ASSERT_TRUE(file->read_at(entry.offset, std::as_writable_bytes(std::span(data).subspan(begin))));
      header += fmt::format(R"({}"{}":{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})", header.empty() ? "{" : ",", entry.name,
                            entry.dtype, fmt::join(entry.shape, ","), begin, data.size());
      map += fmt::format(R"({}"{}":"{}")", map.empty() ? "" : ",", entry.name, name);
    }
    header += "}";
    const uint64_t length = header.size();
    std::ofstream out(target / name, std::ios::binary);
    out.write(reinterpret_cast<const char*>(&length), sizeof length) << header << data;
  }
  std::ofstream(target / "model.safetensors.index.json") << R"({"metadata":{},"weight_map":{)" << map << "}}";
}

class CheckpointDirectory : public testing::TestWithParam<const char*> {};

TEST_P(CheckpointDirectory, HoldsWhatItsConversionHolds) {
  const auto directory = open_checkpoint(fs::path(HALFBYTE_TEST_DATA) / "tiny" / GetParam());
  ASSERT_TRUE(directory) << directory.error().message;
  expect_what_the_conversion_holds(*directory, GetParam());
}

TEST_P(CheckpointDirectory, HoldsTheSameInShards) {
  const fs::path root = fs::path(testing::TempDir()) / ("halfbyte-shards-" + std::string(GetParam()));
  write_sharded(fs::path(HALFBYTE_TEST_DATA) / "tiny" / GetParam(), root / GetParam());
  const auto directory = open_checkpoint(root / GetParam());
  ASSERT_TRUE(directory) << directory.error().message;
  EXPECT_EQ(directory->files.size(), 2U);
  expect_what_the_conversion_holds(*directory, GetParam());
  fs::remove_all(root);
}

INSTANTIATE_TEST_SUITE_P(Of, CheckpointDirectory, testing::ValuesIn(kTinyModels), tiny_test_name);

}  // namespace
}  // namespace halfbyte
