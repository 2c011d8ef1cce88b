// Many threads at one engine: replies, readers that are slow or go away, prompts that do not fit. HALFBYTE_SOAK_SECONDS: how long;
// `make test-long` has ten minutes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <thread>

#include "base/process_memory.h"
#include "engine/reply_stream.h"
#include "models/tiny_model.h"

namespace halfbyte {
namespace {

constexpr int kContext = 128;
constexpr int kClients = 8;

int soak_seconds() {
  const char* asked = std::getenv("HALFBYTE_SOAK_SECONDS");
  return asked != nullptr ? std::atoi(asked) : 2;
}

struct Known {
  Request request;
  std::string text;  // of the reply, alone
};

std::vector<Known> known_replies(const TinyModelFile& file) {
  auto engine = Engine::open(file.path(), {.context_tokens = kContext, .threads = 1, .speculates = false, .prefix_cache = false});
  std::mt19937_64 random(1);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<uint64_t>(n)); };
  std::vector<Known> known;
  for (int i = 0; i < 40; ++i) {
    Request request{.max_tokens = 1 + below(40), .sampling = {.temperature = below(2) == 0 ? 0.0F : 1.0F, .seed = random()}};
    request.principal = std::string(1, static_cast<char>('a' + below(3)));
    request.priority = below(2);
    if (below(6) == 0)
      request.beam_search = BeamSearch{.width = 2};
    else if (below(6) == 0)
      request.best_of = 2;
    if (i > 4 && below(2) == 0) request.prompt = known[static_cast<size_t>(below(i))].request.prompt;
    for (int more = 1 + below(40); more > 0 && request.prompt.size() < 80; --more)
      request.prompt.push_back(below(TinyModel::kVocabulary - 1));
    auto reply = engine->complete(request);
    EXPECT_TRUE(reply) << reply.error().message;
    known.push_back({std::move(request), std::move(reply->text)});
  }
  return known;
}

// One client's requests until the time is over. Returns how many replies it had whole.
int ask(const std::shared_ptr<Engine>& engine, const std::vector<Known>& known, uint64_t seed, std::chrono::steady_clock::time_point end) {
  std::mt19937_64 random(seed);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<uint64_t>(n)); };
  int whole = 0;
  while (std::chrono::steady_clock::now() < end && !testing::Test::HasFailure()) {
    if (below(50) == 0) {
      const auto refused = engine->complete({.prompt = std::vector<Token>(kContext, 1)});
      EXPECT_FALSE(refused);
      continue;
    }
    const Known& one = known[static_cast<size_t>(below(static_cast<int>(known.size())))];
    auto stream = ReplyStream::start(engine, one.request);
    if (!stream) {
      EXPECT_EQ(stream.error().code, Code::kBusy) << stream.error().message;
      continue;
    }
    const int patience = below(4) == 0 ? below(5) : -1;  // steps until the reader goes away; -1: it stays
    const bool is_slow = below(10) == 0;
    std::string text;
    for (int steps = 0; patience < 0 || steps < patience; ++steps) {
      const auto step = (*stream)->next();
      text += step.text;
      if (is_slow) std::this_thread::sleep_for(std::chrono::milliseconds(below(20)));
      if (step.kind != ReplyStream::Step::Kind::kFinished) continue;
      EXPECT_EQ(text, one.text);
      ++whole;
      break;
    }
    EXPECT_TRUE(one.text.starts_with(text)) << "foreign text: " << text << "\nexpected " << one.text;
  }
  return whole;
}

TEST(EngineSoak, NothingIsLostMixedUpOrLeft) {
  const TinyModelFile file;
  const std::vector<Known> known = known_replies(file);
  auto opened =
      Engine::open(file.path(), {.context_tokens = kContext, .cache_tokens = 3 * kContext, .threads = 4, .chunk_tokens = 32, .queue = 6});
  ASSERT_TRUE(opened) << opened.error().message;
  const auto engine = std::make_shared<Engine>(std::move(*opened));
  const auto begin = std::chrono::steady_clock::now();
  std::optional<uint64_t> warm;
  int whole = 0;
  // Two halves: what the second one takes more than the first is lost.
  for (const int half : {1, 2}) {
    const auto end = begin + std::chrono::milliseconds(soak_seconds() * 500 * half);
    std::vector<std::thread> clients;
    std::vector<int> counts(kClients);
    for (int i = 0; i < kClients; ++i)
      clients.emplace_back([&, i] { counts[static_cast<size_t>(i)] = ask(engine, known, static_cast<uint64_t>(half * 100 + i), end); });
    for (std::thread& client : clients) client.join();
    for (const int count : counts) whole += count;
    if (half == 1) warm = resident_bytes();
  }
  EXPECT_GT(whole, 10);
  while (engine->stats().running + engine->stats().waiting > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const EngineStats stats = engine->stats();
  EXPECT_EQ(stats.free_pages, stats.pages) << "a page is lost";
  EXPECT_GT(stats.refused, 0U);
  EXPECT_GT(stats.cached_tokens, 0U);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they keep what is freed
  ASSERT_TRUE(warm);
  EXPECT_LT(*resident_bytes(), *warm + (uint64_t{16} << 20));
#endif
}

}  // namespace
}  // namespace halfbyte
