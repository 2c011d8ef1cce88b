#include "base/replace_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/file.h"

namespace halfbyte {
namespace {

namespace fs = std::filesystem;

class ReplaceFileTest : public testing::Test {
 protected:
  void TearDown() override { fs::remove_all(folder_); }
  long files_in(const fs::path& folder) const { return std::distance(fs::directory_iterator(folder), fs::directory_iterator()); }

  fs::path folder_ = fs::path(testing::TempDir()) / ("replace_file_test." + std::to_string(::getpid()));
  fs::path file_ = folder_ / "new" / "file";
};

TEST_F(ReplaceFileTest, MakesTheFolderAndReplacesWhatWasThere) {
  for (const std::string text : {"a first, longer text", "second"}) {
    const auto done = replace_file(file_, text);
    ASSERT_TRUE(done) << done.error().message;
    const auto found = read_text(file_, 100);
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, text);
  }
  EXPECT_EQ(files_in(file_.parent_path()), 1);
}

TEST_F(ReplaceFileTest, LeavesNothingBehindWhenItFails) {
  fs::create_directories(file_);  // a folder stands where the file should be
  const auto done = replace_file(file_, "text");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kIo);
  EXPECT_EQ(files_in(file_.parent_path()), 1);
}

TEST_F(ReplaceFileTest, SaysSoWhenTheFolderCannotBeMade) {
  fs::create_directories(folder_);
  std::ofstream(folder_ / "new") << "a file";
  const auto done = replace_file(file_, "text");
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("cannot make the folder"), std::string::npos);
}

}  // namespace
}  // namespace halfbyte
