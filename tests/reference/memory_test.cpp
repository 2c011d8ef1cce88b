// What a loaded model occupies: its weights once, its cache, and little else.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/process_memory.h"
#include "halfbyte/engine.h"
#include "tests/reference/reference_models.h"

namespace halfbyte {
namespace {

constexpr int kContext = 2048, kChunk = 512;
constexpr uint64_t kAllowance = uint64_t{64} << 20;  // program, vocabulary, scratch

class Memory : public testing::TestWithParam<RealModel> {};

uint64_t weight_bytes(const Checkpoint& checkpoint) {
  uint64_t sum = 0;
  for (const TensorLocation& tensor : checkpoint.tensors) sum += tensor.bytes;
  return sum;
}

// Keys and values as halfs; a layer with a window keeps the window and the chunk that passes through it.
uint64_t cache_bytes(const Formula& architecture) {
  uint64_t sum = 0;
  StateList list;
  architecture.state(list);
  for (const PagedState& layer : list.layers()) {
    const int positions = layer.window > 0 ? std::min(kContext, layer.window + kChunk) : kContext;
    sum += uint64_t{2} * static_cast<uint64_t>(layer.heads) * static_cast<uint64_t>(layer.k_dims + layer.v_dims) *
           static_cast<uint64_t>(positions);
  }
  return sum;
}

TEST_P(Memory, AtContext2048IsTheWeightsTheCacheAndLittleElse) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's own memory would be counted";
#endif
  const char* folder = std::getenv("HALFBYTE_MODELS");
  ASSERT_NE(folder, nullptr) << "HALFBYTE_MODELS is not set; `make test-models` fetches the models and `make test` sets it";
  const auto path = std::filesystem::path(folder) / GetParam().file;
  const auto checkpoint = open_gguf(path);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  std::vector<std::string> warnings;
  const auto architecture = make_formula(checkpoint->metadata, 1, warnings);
  ASSERT_TRUE(architecture) << architecture.error().message;

  // The prefix cache keeps pages that a window has left, until their memory is needed.
  auto engine = Engine::open(path, {.context_tokens = kContext, .chunk_tokens = kChunk, .prefix_cache = false});
  ASSERT_TRUE(engine) << engine.error().message;
  Request request{.prompt = std::vector<Token>(kContext - 8, 100), .max_tokens = 4, .ignore_eos = true};
  const auto reply = engine->complete(request);
  ASSERT_TRUE(reply) << reply.error().message;

  const auto resident = resident_bytes();
  if (!resident) GTEST_SKIP() << "this system does not tell a process its memory";
  const uint64_t weights = weight_bytes(*checkpoint), cache = cache_bytes(**architecture);
  RecordProperty("beyond_weights_and_cache_mib",
                 std::to_string((static_cast<double>(*resident) - static_cast<double>(weights + cache)) / (1 << 20)));
  EXPECT_LE(*resident, weights + cache + kAllowance) << "weights " << weights << ", cache " << cache;
}

INSTANTIATE_TEST_SUITE_P(Of, Memory, testing::ValuesIn(kRealModels), [](const auto& which) { return which.param.name; });

}  // namespace
}  // namespace halfbyte
