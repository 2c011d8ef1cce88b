// Pages on disk: what is loaded is what was saved, whatever happened to the files.
#include "engine/prefix_store.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <random>
#include <thread>
#include <vector>

#include "base/faulty_world.h"

namespace halfbyte {
namespace {

constexpr uint64_t kPlenty = uint64_t{1} << 30;

class PrefixStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    folder = std::filesystem::path(testing::TempDir()) /
             ("prefix_store_" + std::to_string(::getpid()) + "_" + testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder);
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  PrefixStore open(uint64_t most_bytes = kPlenty, std::string identity = "model", const World& world = this_machine()) const {
    auto store = PrefixStore::open(folder, std::move(identity), most_bytes, world);
    EXPECT_TRUE(store) << store.error().message;
    return std::move(*store);
  }
  std::vector<std::filesystem::path> files() const {
    std::vector<std::filesystem::path> all;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) all.push_back(entry.path());
    return all;
  }

  std::filesystem::path folder;
};

std::vector<Token> tokens_of(int first, size_t count = 32) {
  std::vector<Token> out;
  for (size_t i = 0; i < count; ++i) out.push_back(first + static_cast<Token>(i));
  return out;
}

// A page of two pieces that follow from its tokens.
std::vector<std::vector<std::byte>> page_of(const std::vector<Token>& tokens, size_t bytes = 4000) {
  std::mt19937 random(static_cast<unsigned>(tokens.front()) * 1000 + static_cast<unsigned>(tokens.size()));
  std::vector<std::vector<std::byte>> out(2, std::vector<std::byte>(bytes));
  for (auto& piece : out)
    for (std::byte& b : piece) b = static_cast<std::byte>(random());
  return out;
}

bool save(PrefixStore& store, const std::vector<Token>& tokens, size_t bytes = 4000, std::string_view principal = "ann") {
  const auto page = page_of(tokens, bytes);
  const std::span<const std::byte> pieces[] = {page[0], page[1]};
  return store.save(principal, tokens, pieces);
}

enum class Found { kNone, kRight, kWrong };
Found load(PrefixStore& store, const std::vector<Token>& tokens, size_t bytes = 4000, std::string_view principal = "ann") {
  std::vector<std::vector<std::byte>> page(2, std::vector<std::byte>(bytes));
  const std::span<std::byte> pieces[] = {page[0], page[1]};
  if (!store.load(principal, tokens, pieces)) return Found::kNone;
  return page == page_of(tokens, bytes) ? Found::kRight : Found::kWrong;
}

TEST_F(PrefixStoreTest, PagesSurviveTheProcess) {
  {
    PrefixStore store = open();
    EXPECT_TRUE(save(store, tokens_of(1)));
    EXPECT_TRUE(save(store, tokens_of(1, 64)));
  }
  PrefixStore store = open();
  EXPECT_EQ(load(store, tokens_of(1)), Found::kRight);
  EXPECT_EQ(load(store, tokens_of(1, 64)), Found::kRight);
  EXPECT_EQ(load(store, tokens_of(2)), Found::kNone);
}

TEST_F(PrefixStoreTest, PagesAreTheirPrincipalsAndTheirModels) {
  PrefixStore store = open();
  EXPECT_TRUE(save(store, tokens_of(1)));
  EXPECT_EQ(load(store, tokens_of(1), 4000, "bob"), Found::kNone);
  PrefixStore other = open(kPlenty, "another model");
  EXPECT_EQ(load(other, tokens_of(1)), Found::kNone);
  EXPECT_EQ(load(store, tokens_of(1)), Found::kRight);
}

// Under the name of another page, of another length, cut at any byte, with any byte changed.
TEST_F(PrefixStoreTest, WhatIsDamagedIsNotFoundAndRemoved) {
  const auto expect_refused = [&](const auto& damage) {
    {
      PrefixStore store = open();
      ASSERT_TRUE(save(store, tokens_of(1), 100));
    }
    const auto path = files().at(0);
    std::string bytes;
    {
      std::ifstream in(path, std::ios::binary);
      bytes.assign(std::istreambuf_iterator<char>(in), {});
    }
    damage(bytes);
    std::ofstream(path, std::ios::binary) << bytes;
    PrefixStore store = open();
    EXPECT_EQ(load(store, tokens_of(1), 100), Found::kNone);
    EXPECT_TRUE(files().empty());
  };
  for (size_t n = 0; n < 430; n += 7) expect_refused([&](std::string& bytes) { bytes.resize(std::min(n, bytes.size() - 1)); });
  for (size_t n = 0; n < 430; n += 3) expect_refused([&](std::string& bytes) { bytes[n % bytes.size()] ^= 1; });
  expect_refused([](std::string& bytes) { bytes += '\0'; });
}

TEST_F(PrefixStoreTest, APageOfOtherSizesIsNotFound) {
  PrefixStore store = open();
  ASSERT_TRUE(save(store, tokens_of(1), 100));
  EXPECT_EQ(load(store, tokens_of(1), 101), Found::kNone);
}

TEST_F(PrefixStoreTest, StaysWithinItsBytesAndDropsTheLeastRecentlyUsed) {
  constexpr size_t kPage = 100'000;
  PrefixStore store = open(5 * 2 * kPage);
  for (int i = 1; i <= 4; ++i) ASSERT_TRUE(save(store, tokens_of(100 * i), kPage));
  store.touch("ann", tokens_of(100), 32);
  ASSERT_TRUE(save(store, tokens_of(500), kPage));
  ASSERT_TRUE(save(store, tokens_of(600), kPage));
  EXPECT_LE(store.bytes(), 5 * 2 * kPage);
  EXPECT_EQ(load(store, tokens_of(100), kPage), Found::kRight);
  EXPECT_EQ(load(store, tokens_of(200), kPage), Found::kNone);
  EXPECT_EQ(load(store, tokens_of(600), kPage), Found::kRight);
  EXPECT_FALSE(save(store, tokens_of(700), 10 * kPage));  // a page that can never fit drops nothing
  EXPECT_EQ(load(store, tokens_of(600), kPage), Found::kRight);
  PrefixStore smaller = open(2 * 2 * kPage + 10'000);
  EXPECT_LE(smaller.bytes(), 2 * 2 * kPage + 10'000);
  EXPECT_LE(files().size(), 2U);
}

TEST_F(PrefixStoreTest, OfOneAgeTheEndOfAPrefixGoesFirst) {
  PrefixStore store = open(20'000);
  ASSERT_TRUE(save(store, tokens_of(1)));
  ASSERT_TRUE(save(store, tokens_of(1, 64)));
  store.touch("ann", tokens_of(1, 64), 32);
  ASSERT_TRUE(save(store, tokens_of(500)));
  EXPECT_EQ(load(store, tokens_of(1)), Found::kRight);
  EXPECT_EQ(load(store, tokens_of(1, 64)), Found::kNone);
}

TEST_F(PrefixStoreTest, FaultsOfTheDiskAreMissesAndLeaveNothingWrong) {
  using Fault = FaultyWorld::Fault;
  for (const Fault fault : {Fault::kCreate, Fault::kWrite, Fault::kPublish, Fault::kOpen, Fault::kRead, Fault::kBytes})
    with_every(fault, [&](const World& world) {
      std::filesystem::remove_all(folder);
      PrefixStore store = open(kPlenty, "model", world);
      save(store, tokens_of(1));
      save(store, tokens_of(2));
      for (const int i : {1, 2}) {
        EXPECT_NE(load(store, tokens_of(i)), Found::kWrong);
        EXPECT_NE(load(store, tokens_of(i)), Found::kWrong);
      }
      PrefixStore later = open();
      for (const int i : {1, 2}) EXPECT_NE(load(later, tokens_of(i)), Found::kWrong);
      for (const auto& file : files()) EXPECT_EQ(file.extension(), ".page");
    });
}

// HALFBYTE_KILLS: `make test-long` has many.
TEST_F(PrefixStoreTest, AWriterThatIsKilledLeavesWholePages) {
  const char* asked = std::getenv("HALFBYTE_KILLS");
  const int kills = asked != nullptr ? std::atoi(asked) : 20;
  constexpr size_t kPage = 300'000;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr int kSlower = 20;  // so much later is a sanitized writer in the middle of a page
#else
  constexpr int kSlower = 1;
#endif
  std::mt19937 random(1);
  int found = 0;
  for (int kill_number = 0; kill_number < kills; ++kill_number) {
    const pid_t writer = ::fork();
    ASSERT_GE(writer, 0);
    if (writer == 0) {
      auto store = PrefixStore::open(folder, "model", 40 * 2 * kPage);
      for (int i = 0; store; ++i) save(*store, tokens_of(1 + (kill_number * 7 + i) % 60), kPage);
      ::_exit(1);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(kSlower * (500 + random() % 40'000)));
    ::kill(writer, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(writer, &status, 0), writer);
    ASSERT_TRUE(WIFSIGNALED(status));
    PrefixStore store = open(kPlenty);
    for (int i = 1; i <= 60; ++i) {
      const bool is_there = store.has("ann", tokens_of(i));
      const Found what = load(store, tokens_of(i), kPage);
      EXPECT_EQ(what, is_there ? Found::kRight : Found::kNone) << "page " << i << " after kill " << kill_number;
      found += what == Found::kRight;
    }
  }
  EXPECT_GT(found, kills);  // the killed did write
}

}  // namespace
}  // namespace halfbyte
