// Every piece of memory that an engine asks for is refused once: no refusal ends the process, and what was refused can be done again.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <optional>

#include "halfbyte/engine.h"
#include "models/tiny_model.h"

namespace {

std::atomic<int> pieces_left{0};    // until one is refused
std::atomic<size_t> least_size{0};  // of pieces that count
std::atomic<bool> is_counting{false}, was_refused{false};

void* take(size_t bytes, size_t alignment) {
  if (is_counting && bytes >= least_size && pieces_left-- == 0) {
    is_counting = false;
    was_refused = true;
    throw std::bad_alloc();
  }
  const size_t rounded = (std::max<size_t>(bytes, 1) + alignment - 1) / alignment * alignment;
  if (void* memory = std::aligned_alloc(alignment, rounded)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(size_t bytes) { return take(bytes, alignof(std::max_align_t)); }
void* operator new(size_t bytes, std::align_val_t alignment) { return take(bytes, static_cast<size_t>(alignment)); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }

namespace halfbyte {
namespace {

// Calls `act` with the n-th piece of memory refused that it asks for after its call of begin(), for n = 0, 1, 2, ... until no piece is;
// where there are thousands, every hundredth more. Returns how many there were.
template <class Act, class Check>
int with_every_piece_refused(const Act& act, const Check& check) {
  for (int n = 0;; n += 1 + n / 100) {
    was_refused = false;
    auto done = act([n] {
      pieces_left = n;
      is_counting = true;
    });
    is_counting = false;
    check(done);
    if (!was_refused) return n;
  }
}

void expect_out_of_memory(const Error& error) {
  EXPECT_EQ(error.code, Code::kIo);
  EXPECT_EQ(error.message, "out of memory");
}

TEST(Memory, ThatRunsOutWhileAnEngineOpensIsAnError) {
  least_size = 1024;  // std::filesystem::path of libstdc++ 12 crashes when it finds no memory for its parts
  for (const int threads : {1, 3}) {
    const TinyModelFile file({.layers = 1});
    const EngineOptions options{.context_tokens = 64, .threads = threads};
    const int pieces = with_every_piece_refused(
        [&](const auto& begin) {
          begin();
          return Engine::open(file.path(), options);
        },
        [](const Result<Engine>& engine) {
          if (engine) return;  // what was refused could be done without
          EXPECT_TRUE(was_refused);
          expect_out_of_memory(engine.error());
        });
    EXPECT_GT(pieces, 20);
  }
}

// What grows with the first step that needs it.
TEST(Memory, ThatRunsOutInAnEnginesFirstStepFailsTheRequestAlone) {
  least_size = 0;
  const TinyModelFile file({.layers = 1});
  const Request request{.prompt = {1, 2, 3}, .max_tokens = 2, .sampling = {.top_k = 200, .seed = 1}, .ignore_eos = true};
  std::optional<Result<Engine>> engine;
  std::string usual;
  const int pieces = with_every_piece_refused(
      [&](const auto& begin) {
        engine.emplace(Engine::open(file.path(), {.context_tokens = 64, .threads = 2}));
        Request copy = request;
        begin();
        return (*engine)->complete(std::move(copy));
      },
      [&](const Result<Engine::Reply>& reply) {
        if (!reply) {
          EXPECT_TRUE(was_refused);
          expect_out_of_memory(reply.error());
        }
        const auto next = (*engine)->complete(request);
        ASSERT_TRUE(next) << next.error().message;
        if (usual.empty()) usual = next->text;
        EXPECT_EQ(next->text, usual);
      });
  EXPECT_GT(pieces, 20);
}

TEST(Memory, ThatRunsOutWhileARequestIsAnsweredFailsItAlone) {
  least_size = 0;
  const TinyModelFile file({.layers = 1});
  auto engine = Engine::open(file.path(), {.context_tokens = 64, .threads = 2});
  ASSERT_TRUE(engine);
  const Request request{.prompt = {1, 2, 3}, .max_tokens = 6, .sampling = {.seed = 1}, .stop = {"no such text"}, .ignore_eos = true};
  const auto usual = engine->complete(request);
  ASSERT_TRUE(usual);
  const int pieces = with_every_piece_refused(
      [&](const auto& begin) {
        Request copy = request;
        begin();
        return engine->complete(std::move(copy));
      },
      [&](const Result<Engine::Reply>& reply) {
        if (!reply) {
          EXPECT_TRUE(was_refused);
          expect_out_of_memory(reply.error());
        }
        const auto next = engine->complete(request);
        ASSERT_TRUE(next) << next.error().message;
        EXPECT_EQ(next->text, usual->text);
      });
  EXPECT_GT(pieces, 20);
}

}  // namespace
}  // namespace halfbyte
