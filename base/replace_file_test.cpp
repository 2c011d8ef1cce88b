#include "base/replace_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "base/faulty_world.h"
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

TEST_F(ReplaceFileTest, KeepsTheOldTextWhateverFails) {
  using enum FaultyWorld::Fault;
  ASSERT_TRUE(replace_file(file_, "old"));
  for (const auto fault : {kCreate, kWrite, kSync, kPublish}) {
    const int calls = with_every(fault, [&](const FaultyWorld& world) {
      const auto done = replace_file(file_, "new and longer", world);
      ASSERT_NE(static_cast<bool>(done), world.has_failed());
      EXPECT_EQ(*read_text(file_, 100), done ? "new and longer" : "old");
      EXPECT_EQ(files_in(file_.parent_path()), 1);
      if (done) return;
      EXPECT_EQ(done.error().code, Code::kIo);
      EXPECT_TRUE(done.error().message.starts_with(file_.string() + ": ")) << done.error().message;
    });
    EXPECT_EQ(calls, 1);
    ASSERT_TRUE(replace_file(file_, "old"));
  }
}

// The system's own refusal half way through a write: this process may make no file of more than 8 bytes.
TEST_F(ReplaceFileTest, KeepsTheOldTextWhenTheSystemTakesOnlyAPart) {
  ASSERT_TRUE(replace_file(file_, "old"));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{.rlim_cur = 8, .rlim_max = before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto done = replace_file(file_, "new and longer");
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, file_.string() + ": cannot be written: File too large");
  EXPECT_EQ(*read_text(file_, 100), "old");
  EXPECT_EQ(files_in(file_.parent_path()), 1);
}

}  // namespace
}  // namespace halfbyte
