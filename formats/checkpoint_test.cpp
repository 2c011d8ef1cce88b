#include "formats/checkpoint.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "formats/gguf_bytes.h"

namespace halfbyte {
namespace {

using namespace gguf_bytes;
namespace fs = std::filesystem;

// A folder of its own for each test, removed at the end.
class CheckpointTest : public testing::Test {
 protected:
  CheckpointTest() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) / (std::string("halfbyte-") + test->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~CheckpointTest() override { fs::remove_all(folder_); }

  fs::path write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  // Shard `index` (from 0) of `count`, with one tensor; the first has the model's metadata.
  static std::string shard(uint16_t index, uint16_t count, const std::string& tensor, uint32_t tensors = 0) {
    std::vector<std::string> entries = {u16_entry("split.no", index), u16_entry("split.count", count)};
    if (index == 0) entries.push_back(text_entry("general.architecture", "llama"));
    if (tensors != 0) entries.push_back(entry("split.tensors.count", 5, u32(tensors)));
    return file(entries, {record(tensor, {2}, 0, 0)}, raw(1.0F + static_cast<float>(index)) + raw(-1.0F));
  }

  std::string refusal(const fs::path& name) const {
    const auto model = open_gguf(name);
    EXPECT_FALSE(model);
    return model ? std::string() : model.error().message;
  }

  fs::path folder_;
};

const std::string kArchitecture = text_entry("general.architecture", "llama");

}  // namespace

TEST_F(CheckpointTest, ReadsPartsOfATensor) {
  const auto model = open_gguf(write("m.gguf", file({kArchitecture}, {record("a", {1}, 0, 0), record("b", {3}, 0, 32)},
                                                    raw(9.0F) + std::string(28, 'x') + raw(1.0F) + raw(2.0F) + raw(3.0F))));
  ASSERT_TRUE(model) << model.error().message;
  const TensorLocation* b = model->find("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(model->find("c"), nullptr);
  float two[2] = {};
  ASSERT_TRUE(model->read(*b, 4, std::as_writable_bytes(std::span(two))));
  EXPECT_EQ(two[0], 2.0F);
  EXPECT_EQ(two[1], 3.0F);
  EXPECT_FALSE(model->read(*b, 8, std::as_writable_bytes(std::span(two))));  // one float is left there
  EXPECT_FALSE(model->read(*b, 13, {}));
}

TEST_F(CheckpointTest, SaysThatAFileWasShortenedWhileOpen) {
  const auto name = write("m.gguf", file({kArchitecture}, {record("a", {2}, 0, 0)}, std::string(8, 'x')));
  const auto model = open_gguf(name);
  ASSERT_TRUE(model);
  fs::resize_file(name, 100);
  float two[2] = {};
  const auto read = model->read(model->tensors[0], 0, std::as_writable_bytes(std::span(two)));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kCorrupt);
}

TEST_F(CheckpointTest, OpensRealModelsWithoutAWarning) {
  const char* models = std::getenv("HALFBYTE_MODELS");
  if (models == nullptr) GTEST_SKIP() << "HALFBYTE_MODELS names no folder of models";
  for (const fs::directory_entry& entry : fs::directory_iterator(models)) {
    if (entry.path().extension() != ".gguf") continue;
    const auto model = open_gguf(entry.path());
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_TRUE(model->warnings.empty()) << model->warnings.front();
    for (const TensorLocation& tensor : model->tensors) {
      std::vector<std::byte> row(tensor.format->row_bytes(tensor.columns()));
      ASSERT_TRUE(model->read(tensor, tensor.bytes - row.size(), row));
      EXPECT_EQ(tensor.format->first_not_finite(row.data(), tensor.columns() / tensor.format->block_length),
                tensor.columns() / tensor.format->block_length)
          << tensor.name;
    }
  }
}

TEST_F(CheckpointTest, NeedsAnArchitecture) {
  EXPECT_EQ(refusal(write("a.gguf", file({}))), path("a.gguf") + ": required key 'general.architecture' is missing");
  EXPECT_EQ(refusal(write("b.gguf", file({u32_entry("general.architecture", 1)}))),
            path("b.gguf") + ": key 'general.architecture': expected string, found unsigned integer");
}

TEST_F(CheckpointTest, RefusesWhatIsNotARegularFile) {
  EXPECT_EQ(refusal(folder_), folder_.string() + ": not a regular file");
  EXPECT_EQ(refusal(folder_ / "none.gguf"), path("none.gguf") + ": no such file");
}

TEST_F(CheckpointTest, OpensTheSiblingsOfAShardedModel) {
  write("m-00001-of-00002.gguf", shard(0, 2, "a", 2));
  write("m-00002-of-00002.gguf", shard(1, 2, "b", 2));
  const auto model = open_gguf(folder_ / "m-00001-of-00002.gguf");
  ASSERT_TRUE(model) << model.error().message;
  ASSERT_EQ(model->files.size(), 2U);
  ASSERT_EQ(model->tensors.size(), 2U);
  float two[2] = {};
  ASSERT_TRUE(model->read(*model->find("b"), 0, std::as_writable_bytes(std::span(two))));
  EXPECT_EQ(two[0], 2.0F);
  EXPECT_TRUE(model->warnings.empty());
}

TEST_F(CheckpointTest, AModelThatSaysItHasOneShardNeedsNoSpecialName) {
  EXPECT_TRUE(open_gguf(write("m.gguf", shard(0, 1, "a", 1))));
  EXPECT_TRUE(open_gguf(write("n.gguf", shard(0, 0, "a"))));
}

TEST_F(CheckpointTest, NamesTheShardThatIsMissing) {
  write("m-00001-of-00003.gguf", shard(0, 3, "a"));
  write("m-00002-of-00003.gguf", shard(1, 3, "b"));
  EXPECT_EQ(refusal(folder_ / "m-00001-of-00003.gguf"), path("m-00003-of-00003.gguf") + ": no such file");
}

TEST_F(CheckpointTest, NamesTheShardWithTheWrongNumber) {
  write("m-00001-of-00002.gguf", shard(0, 2, "a"));
  write("m-00002-of-00002.gguf", shard(0, 2, "b"));
  EXPECT_EQ(refusal(folder_ / "m-00001-of-00002.gguf"), path("m-00002-of-00002.gguf") + ": expected split.no 1 of 2, found 0 of 2");
  write("m-00002-of-00002.gguf", shard(1, 3, "b"));
  EXPECT_EQ(refusal(folder_ / "m-00001-of-00002.gguf"), path("m-00002-of-00002.gguf") + ": expected split.no 1 of 2, found 1 of 3");
}

TEST_F(CheckpointTest, RefusesTensorsOfTheSameNameInTwoShards) {
  write("m-00001-of-00002.gguf", shard(0, 2, "a"));
  write("m-00002-of-00002.gguf", shard(1, 2, "a"));
  EXPECT_EQ(refusal(folder_ / "m-00001-of-00002.gguf"),
            path("m-00002-of-00002.gguf") + ": tensor 'a' is in an earlier file of the model too");
}

TEST_F(CheckpointTest, RefusesMoreShardsThanTheLimit) {
  EXPECT_EQ(refusal(write("m-00001-of-65535.gguf", shard(0, 65'535, "a"))),
            path("m-00001-of-65535.gguf") + ": key 'split.count': 65535 is out of range 0 to 512");
}

TEST_F(CheckpointTest, AsksForTheFirstShard) {
  write("m-00001-of-00002.gguf", shard(0, 2, "a"));
  EXPECT_EQ(refusal(write("m-00002-of-00002.gguf", shard(1, 2, "b"))),
            path("m-00002-of-00002.gguf") + ": file 2 of a model in 2 files: open the first one, '...-00001-of-00002.gguf'");
}

TEST_F(CheckpointTest, RefusesAShardWhoseNameDoesNotSayWhereItsSiblingsAre) {
  EXPECT_EQ(refusal(write("m.gguf", shard(0, 2, "a"))),
            path("m.gguf") + ": split.count is 2, but the file's name does not end in '-00001-of-00002.gguf'");
}

TEST_F(CheckpointTest, CountsTheTensorsOfAllShards) {
  write("m-00001-of-00002.gguf", shard(0, 2, "a", 3));
  write("m-00002-of-00002.gguf", shard(1, 2, "b", 3));
  EXPECT_EQ(refusal(folder_ / "m-00001-of-00002.gguf"),
            path("m-00001-of-00002.gguf") + ": split.tensors.count is 3, its 2 files have 2 tensors");
}

TEST_F(CheckpointTest, NamesTheShardThatIsMalformed) {
  write("m-00001-of-00002.gguf", shard(0, 2, "a"));
  const std::string bytes = shard(1, 2, "b");
  write("m-00002-of-00002.gguf", bytes.substr(0, bytes.size() - 1));
  EXPECT_TRUE(
      refusal(folder_ / "m-00001-of-00002.gguf").starts_with(path("m-00002-of-00002.gguf") + ": tensor 'b': 8 bytes at data offset 0"));
}

}  // namespace halfbyte
