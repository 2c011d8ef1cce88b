#include "engine/session_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <sstream>

#include "base/faulty_world.h"
#include "base/fingerprint.h"

namespace halfbyte {
namespace {

std::string read(const std::filesystem::path& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void write(const std::filesystem::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

// With the checksum that whoever changed a file could write, too.
std::string sealed(std::string bytes) {
  bytes.resize(bytes.size() - sizeof(uint64_t));
  const uint64_t sum = Fingerprint().add(std::as_bytes(std::span(bytes))).value();
  return bytes.append(reinterpret_cast<const char*>(&sum), sizeof sum);
}

class SessionFileTest : public testing::Test {
 protected:
  const std::filesystem::path path_ = std::filesystem::path(testing::TempDir()) / ("session_" + std::to_string(::getpid()));
  const std::string first_ = std::string(40, 'k'), second_ = std::string(40, 'v'), narrow_ = std::string(24, 'w');

  ~SessionFileTest() override { std::filesystem::remove(path_); }
  Result<void> save() const {
    const auto page = [](const std::string& bytes) { return std::as_bytes(std::span(bytes)); };
    const SessionPages groups[] = {{.page_bytes = 40, .pages = {page(first_), page(second_)}},
                                   {.first = 1, .page_bytes = 24, .pages = {page(narrow_)}}};
    return write_session(this_machine(), path_, "the model", {.tokens = {1, 2, 3}, .note = "said"}, 2, groups);
  }
};

TEST_F(SessionFileTest, GivesBackWhatWasSaved) {
  ASSERT_TRUE(save());
  auto file = SessionFile::open(this_machine(), path_);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->identity(), "the model");
  EXPECT_EQ(file->session().tokens, (std::vector<Token>{1, 2, 3}));
  EXPECT_EQ(file->session().note, "said");
  EXPECT_EQ(file->pages(), 2U);
  ASSERT_EQ(file->groups().size(), 2U);
  EXPECT_EQ(file->groups()[1].first, 1U);
  std::string bytes(40, '\0'), narrow(24, '\0');
  ASSERT_TRUE(file->read_page(0, 1, std::as_writable_bytes(std::span(bytes))));
  EXPECT_EQ(bytes, second_);
  ASSERT_TRUE(file->read_page(1, 1, std::as_writable_bytes(std::span(narrow))));
  EXPECT_EQ(narrow, narrow_);
}

TEST_F(SessionFileTest, IsRefusedWhereverItIsCutOrChanged) {
  ASSERT_TRUE(save());
  const std::string whole = read(path_);
  for (size_t length = 0; length < whole.size(); ++length) {
    write(path_, whole.substr(0, length));
    const auto file = SessionFile::open(this_machine(), path_);
    ASSERT_FALSE(file) << length;
    EXPECT_EQ(file.error().code, Code::kCorrupt) << length;
    std::string changed = whole;
    changed[length] = static_cast<char>(changed[length] ^ 4);
    write(path_, changed);
    EXPECT_FALSE(SessionFile::open(this_machine(), path_)) << length;
  }
}

TEST_F(SessionFileTest, LengthsThatLieAreRefusedBeforeMemoryIsTaken) {
  ASSERT_TRUE(save());
  const std::string whole = read(path_);
  const size_t numbers = std::string_view("halfbyte session 1\n").size();
  for (size_t i = 0; i < 9; ++i)
    for (const uint64_t lie : {uint64_t{0}, uint64_t{7}, uint64_t{1} << 40, uint64_t{1} << 62, ~uint64_t{0}}) {
      std::string changed = whole;
      if (std::memcmp(changed.data() + numbers + 8 * i, &lie, 8) == 0) continue;
      std::memcpy(changed.data() + numbers + 8 * i, &lie, 8);
      write(path_, sealed(changed));
      EXPECT_FALSE(SessionFile::open(this_machine(), path_)) << i << " " << lie;
    }
  write(path_, sealed(whole));
  EXPECT_TRUE(SessionFile::open(this_machine(), path_)) << "but for the lie it is one";
}

TEST_F(SessionFileTest, WhatWasThereStaysUntilTheNewOneIsWhole) {
  using Fault = FaultyWorld::Fault;
  ASSERT_TRUE(save());
  const std::string before = read(path_);
  for (const Fault fault : {Fault::kCreate, Fault::kWrite, Fault::kSync, Fault::kPublish}) {
    const int calls = with_every(fault, [&](const FaultyWorld& world) {
      const auto written = write_session(world, path_, "another", {.tokens = {4}}, 0, {});
      EXPECT_NE(static_cast<bool>(written), world.has_failed());
      if (!written) {
        EXPECT_EQ(read(path_), before);
      }
      ASSERT_TRUE(save());
    });
    EXPECT_GE(calls, 1);
  }
}

TEST_F(SessionFileTest, AReadThatFailsOrLiesIsAnError) {
  ASSERT_TRUE(save());
  for (const auto fault : {FaultyWorld::Fault::kOpen, FaultyWorld::Fault::kRead})
    with_every(fault, [&](const FaultyWorld& world) {
      const auto file = SessionFile::open(world, path_);
      EXPECT_NE(static_cast<bool>(file), world.has_failed());
    });
}

}  // namespace
}  // namespace halfbyte
