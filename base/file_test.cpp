#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

namespace halfbyte {
namespace {

class FileTest : public testing::Test {
 protected:
  std::filesystem::path path_ = std::filesystem::path(testing::TempDir()) / ("file_test." + std::to_string(::getpid()));
  void write(std::string_view text) const { std::ofstream(path_, std::ios::binary) << text; }
  void TearDown() override { std::filesystem::remove(path_); }
};

TEST_F(FileTest, ReadsAtAPosition) {
  write("0123456789");
  auto file = File::open(path_);
  ASSERT_TRUE(file);
  std::byte two[2];
  ASSERT_TRUE(file->read_at(4, two));
  EXPECT_EQ(static_cast<char>(two[0]), '4');
  EXPECT_EQ(file->size(), 10U);
}

TEST_F(FileTest, AFileThatShrankIsAnErrorNotACrash) {
  write("0123456789");
  auto file = File::open(path_);
  ASSERT_TRUE(file);
  write("01");
  std::byte bytes[10];
  const auto read = file->read_at(0, bytes);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kCorrupt);
}

TEST_F(FileTest, APipeIsRefusedWithoutWaiting) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const auto file = File::open(path_);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Code::kInvalid);
}

TEST_F(FileTest, ADirectoryOrAMissingFileIsRefused) {
  EXPECT_EQ(File::open(testing::TempDir()).error().code, Code::kInvalid);
  EXPECT_EQ(File::open(path_).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace halfbyte
