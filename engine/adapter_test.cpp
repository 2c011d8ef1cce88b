// What adapters add to a step: right numbers, and the same bits however a sequence's tokens are cut, shared out or accompanied.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <random>

#include "base/file.h"
#include "engine/runner.h"
#include "formats/safetensors.h"
#include "formats/safetensors_samples.h"
#include "models/load_adapter.h"
#include "models/tiny_adapter.h"

namespace halfbyte {
namespace {

namespace fs = std::filesystem;
using Rows = std::vector<std::vector<float>>;  // logits by position

std::vector<Token> some_tokens(int n, int step = 37, int vocabulary = TinyModel::kVocabulary) {
  std::vector<Token> out;
  for (int i = 0; i < n; ++i) out.push_back((i * step + 11) % vocabulary);
  return out;
}

bool same_bits(const Rows& a, const Rows& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (a[i].size() != b[i].size() || std::memcmp(a[i].data(), b[i].data(), a[i].size() * sizeof(float)) != 0) return false;
  return true;
}

// The greatest difference, of logits whose own differences are about 1.
float distance(const Rows& a, const Rows& b) {
  if (a.size() != b.size()) return INFINITY;
  float greatest = 0;
  for (size_t i = 0; i < a.size(); ++i)
    for (size_t j = 0; j < a[i].size(); ++j) greatest = std::max(greatest, std::abs(a[i][j] - b[i][j]));
  return greatest;
}

const RunnerOptions kExact{.kv_types = {"f32", "f32"}};

struct Bench {
  explicit Bench(const fs::path& path, int threads = 2) : pool(threads) {
    auto loaded = load_model(path, pool);
    EXPECT_TRUE(loaded) << loaded.error().message;
    model = std::move(*loaded);
  }
  Adapter adapter(const fs::path& path) {
    std::vector<std::string> warnings;
    auto loaded = load_adapter(path, model, this_machine(), warnings);
    EXPECT_TRUE(loaded) << loaded.error().message;
    EXPECT_TRUE(warnings.empty()) << warnings.front();
    return loaded ? std::move(*loaded) : Adapter();
  }
  Rows logits(std::span<const Token> tokens, std::span<const AppliedAdapter> adapters = {}, RunnerOptions options = {}) {
    options.cache_tokens = static_cast<int>(tokens.size());
    options.chunk_tokens = std::min(options.chunk_tokens, options.cache_tokens);
    for (const AppliedAdapter& applied : adapters) options.adapter_rank = std::max(options.adapter_rank, applied.adapter->rank);
    auto runner = Runner::create(model, pool, options);
    EXPECT_TRUE(runner) << runner.error().message;
    CachedSequence sequence;
    Rows out;
    for (const auto chunk = static_cast<size_t>(options.chunk_tokens); !tokens.empty();
         tokens = tokens.subspan(std::min(chunk, tokens.size()))) {
      const SliceTokens slice{
          .sequence = &sequence, .tokens = tokens.first(std::min(chunk, tokens.size())), .need = {.row = true}, .adapters = adapters};
      EXPECT_TRUE(runner->memory().reserve(sequence, static_cast<int>(slice.tokens.size())));
      runner->run({&slice, 1}, [&](size_t, size_t, const Logits& l) { out.emplace_back(l.row.begin(), l.row.end()); });
      runner->memory().commit(sequence);
    }
    return out;
  }
  ThreadPool pool;
  Model model;
};

TEST(Adapter, GivesTheLogitsOfTheMergedModel) {
  const TinyModel model;
  for (const int rank : {1, 4, 8, 17, 64}) {
    const TinyAdapter tiny{.rank = rank, .alpha = static_cast<float>(rank)};
    const TinyModelFile base(model), merged(tiny.merged(model));
    const TinyAdapterFile file(model, tiny);
    Bench bench(base.path());
    const Adapter adapter = bench.adapter(file.path());
    const AppliedAdapter applied[] = {{&adapter, 1}};
    const std::vector<Token> tokens = some_tokens(60);
    const Rows plain = bench.logits(tokens, {}, kExact), expected = Bench(merged.path()).logits(tokens, {}, kExact);
    EXPECT_GT(distance(plain, expected), 0.1F) << "the adapter changes something";
    EXPECT_LT(distance(bench.logits(tokens, applied, kExact), expected), 1e-4F) << "rank " << rank;
    EXPECT_LT(distance(bench.logits(tokens, applied, {.chunk_tokens = 1, .kv_types = kExact.kv_types}), expected), 1e-4F)
        << "rank " << rank;
  }
}

TEST(Adapter, OfARequestSeveralAddUpEachTimesItsFactor) {
  const TinyModel model;
  const TinyAdapter one{.rank = 4, .alpha = 8}, two{.rank = 2, .alpha = 1, .seed = 2, .targets = {"attn_q", "ffn_down"}};
  TinyAdapter half = one;
  half.alpha = 4;
  TinyModel both = half.merged(model);
  both.change_tensors = [first = both.change_tensors, second = two.merged(model).change_tensors](auto& tensors) {
    first(tensors);
    second(tensors);
  };
  const TinyModelFile base(model), merged(both);
  const TinyAdapterFile file_one(model, one), file_two(model, two);
  Bench bench(base.path());
  const Adapter a = bench.adapter(file_one.path()), b = bench.adapter(file_two.path());
  const AppliedAdapter applied[] = {{&a, 0.5F}, {&b, 1}};
  const std::vector<Token> tokens = some_tokens(40);
  EXPECT_LT(distance(bench.logits(tokens, applied, kExact), Bench(merged.path()).logits(tokens, {}, kExact)), 1e-4F);
}

TEST(Adapter, WhoseBIsZeroChangesNoBit) {
  for (const char* format : {"F32", "Q8_0"}) {
    const TinyModel model{.format = format};
    const TinyModelFile base(model);
    const TinyAdapterFile file(model, {.is_zero = true});
    Bench bench(base.path());
    const Adapter adapter = bench.adapter(file.path());
    const AppliedAdapter applied[] = {{&adapter, 1}};
    const std::vector<Token> tokens = some_tokens(40);
    EXPECT_TRUE(same_bits(bench.logits(tokens), bench.logits(tokens, applied))) << format;
  }
}

TEST(Adapter, NeitherChunksThreadsNorInstructionSetsChangeABit) {
  for (const char* format : {"F32", "Q4_1"}) {
    const TinyModel model{.width = 320, .ffn = 544, .heads = 10, .format = format};  // more than one group of columns
    const TinyModelFile base(model);
    const TinyAdapterFile file(model, {.rank = 20});
    const std::vector<Token> tokens = some_tokens(40);
    Rows first;
    for (const int threads : {1, 2, 3}) {
      Bench bench(base.path(), threads);
      const Adapter adapter = bench.adapter(file.path());
      const AppliedAdapter applied[] = {{&adapter, 0.75F}};
      for (const int chunk : {1, 8, 9, 512})
        for (const Isa isa : isas_here()) {
          if (threads != 2 && isa != isas_here().back()) continue;
          const Rows logits = bench.logits(tokens, applied, {.chunk_tokens = chunk, .isa = isa});
          if (first.empty()) first = logits;
          EXPECT_TRUE(same_bits(first, logits)) << format << ", " << threads << " threads, chunk " << chunk << ", " << name(isa);
        }
    }
  }
}

void expect_mixed_slices_get_the_bits_they_get_alone(const TinyModel& model, const std::vector<std::string>& targets, int tokens_each) {
  const TinyModelFile base(model);
  const TinyAdapterFile file_one(model, {.rank = 4, .targets = targets}), file_two(model, {.rank = 24, .seed = 2, .targets = targets});
  Bench bench(base.path(), 3);
  const Adapter one = bench.adapter(file_one.path()), two = bench.adapter(file_two.path());
  const std::vector<std::vector<AppliedAdapter>> uses = {{{&one, 1}}, {}, {{&two, 1}}, {{&one, 1}}, {{&two, 0.5F}, {&one, 1}}, {}};
  RunnerOptions options{.cache_tokens = 640, .chunk_tokens = 128, .adapter_rank = 32};
  auto runner = Runner::create(bench.model, bench.pool, options);
  ASSERT_TRUE(runner);
  std::vector<CachedSequence> sequences(uses.size());
  std::vector<std::vector<Token>> tokens;
  std::vector<SliceTokens> slices;
  for (size_t i = 0; i < uses.size(); ++i)
    tokens.push_back(some_tokens(tokens_each + static_cast<int>(i) % 2, 5 + 2 * static_cast<int>(i)));
  for (size_t i = 0; i < uses.size(); ++i) {
    ASSERT_TRUE(runner->memory().reserve(sequences[i], static_cast<int>(tokens[i].size())));
    slices.push_back({.sequence = &sequences[i], .tokens = tokens[i], .need = {.row = true}, .adapters = uses[i]});
  }
  std::vector<Rows> together(uses.size());
  runner->run(slices, [&](size_t slice, size_t, const Logits& l) { together[slice].emplace_back(l.row.begin(), l.row.end()); });
  for (size_t i = 0; i < uses.size(); ++i) EXPECT_TRUE(same_bits(together[i], bench.logits(tokens[i], uses[i]))) << "slice " << i;
  EXPECT_FALSE(same_bits(together[1], bench.logits(tokens[1], uses[0])));
}

TEST(Adapter, SlicesWithDifferentOnesInAStepGetTheBitsTheyGetAlone) {
  const std::vector<std::string> all = TinyAdapter().targets;
  for (const int tokens : {1, 13}) {
    expect_mixed_slices_get_the_bits_they_get_alone({.format = "Q4_1"}, all, tokens);
    expect_mixed_slices_get_the_bits_they_get_alone({.window = 8, .format = "BF16"}, all, tokens);
    expect_mixed_slices_get_the_bits_they_get_alone({.experts = 8, .format = "Q8_0"}, {"attn_q", "attn_output"}, tokens);
  }
}

TEST(Adapter, OfPeftOrGgufGivesAGgufModelTheSameBits) {
  const TinyModel model;
  const TinyAdapter tiny;
  const TinyModelFile base(model);
  const TinyAdapterFile gguf(model, tiny);
  const fs::path folder = fs::path(testing::TempDir()) / "halfbyte-adapter-test-peft";
  Bench bench(base.path());
  const Adapter of_gguf = bench.adapter(gguf.path());
  const std::vector<Token> tokens = some_tokens(20);
  const AppliedAdapter expected[] = {{&of_gguf, 1}};
  for (const char* settings : {"", R"("target_modules": ["q_proj"], "modules_to_save": null, "rank_pattern": {}, "use_dora": false)"}) {
    tiny.write_peft(model, folder, settings);
    for (const fs::path& path : {folder, folder / "adapter_model.safetensors"}) {
      const Adapter of_peft = bench.adapter(path);
      EXPECT_EQ(of_peft.identity, of_gguf.identity);
      const AppliedAdapter found[] = {{&of_peft, 1}};
      EXPECT_TRUE(same_bits(bench.logits(tokens, expected), bench.logits(tokens, found)));
    }
  }
  fs::remove_all(folder);
}

// A PEFT adapter for every linear module of a checkpoint, and the checkpoint with W + scale B A for each W: all in transformers' own order.
class MergedCheckpoint {
 public:
  explicit MergedCheckpoint(const std::string& name) : from_(fs::path(HALFBYTE_TEST_DATA) / "tiny" / name), root_(testing::TempDir()) {
    root_ /= "halfbyte-adapter-test-" + name;
    fs::remove_all(root_);
    fs::create_directories(root_ / "model");
    fs::create_directories(root_ / "adapter");
    const std::string bytes = *read_text(from_ / "model.safetensors", 1 << 26);
    auto file = this_machine().open(from_ / "model.safetensors");
    const auto entries = *parse_safetensors(**file);
    std::string merged = bytes;
    for (const SafetensorsEntry& entry : entries)
      if (is_linear(entry)) change(entry, name == "gpt2", merged);
    std::ofstream(root_ / "model" / "model.safetensors", std::ios::binary) << merged;
    fs::copy(from_ / "config.json", root_ / "model" / "config.json");
    std::ofstream(root_ / "adapter" / "adapter_model.safetensors", std::ios::binary) << safetensors_file("{" + header_ + "}", data_);
    std::ofstream(root_ / "adapter" / "adapter_config.json") << R"({"peft_type": "LORA", "r": 3, "lora_alpha": 6, "use_rslora": true})";
  }
  ~MergedCheckpoint() { fs::remove_all(root_); }
  fs::path base() const { return from_; }
  fs::path merged() const { return root_ / "model"; }
  fs::path adapter() const { return root_ / "adapter"; }
  int changed() const { return changed_; }

 private:
  static constexpr size_t kRank = 3;
  const float scale_ = 6 / std::sqrt(3.0F);

  static bool is_linear(const SafetensorsEntry& entry) {
    const std::string_view name = entry.name;
    if (entry.shape.size() != 2 || name.find(".experts.") != std::string_view::npos) return false;
    for (const char* end : {"_proj.weight", ".c_attn.weight", ".c_proj.weight", ".c_fc.weight", ".mlp.gate.weight"})
      if (name.ends_with(end)) return true;
    return false;
  }

  std::vector<float> random_values(size_t n, float spread) {
    std::normal_distribution<float> normal(0, spread);
    std::vector<float> out(n);
    for (float& x : out) x = normal(random_);
    return out;
  }

  void add(const std::string& name, size_t rows, size_t columns, const std::vector<float>& values) {
    const size_t begin = data_.size();
    data_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
    header_ += (header_.empty() ? "\"" : ",\"") + name + "\":{\"dtype\":\"F32\",\"shape\":[" + std::to_string(rows) + "," +
               std::to_string(columns) + "],\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(data_.size()) + "]}";
  }

  // A Conv1D of GPT-2 has inputs as rows; A and B lie as always.
  void change(const SafetensorsEntry& entry, bool is_conv1d, std::string& merged) {
    const size_t rows = entry.shape[is_conv1d ? 1 : 0], columns = entry.shape[is_conv1d ? 0 : 1];
    const std::vector<float> a = random_values(kRank * columns, 0.3F / std::sqrt(static_cast<float>(columns)));
    const std::vector<float> b = random_values(rows * kRank, 0.3F);
    std::vector<float> w(rows * columns);
    std::memcpy(w.data(), merged.data() + entry.offset, w.size() * sizeof(float));
    for (size_t row = 0; row < rows; ++row)
      for (size_t column = 0; column < columns; ++column) {
        float sum = 0;
        for (size_t k = 0; k < kRank; ++k) sum += b[row * kRank + k] * a[k * columns + column];
        w[is_conv1d ? column * rows + row : row * columns + column] += scale_ * sum;
      }
    std::memcpy(merged.data() + entry.offset, w.data(), w.size() * sizeof(float));
    const std::string module = "base_model.model." + entry.name.substr(0, entry.name.size() - std::string_view(".weight").size());
    add(module + ".lora_A.weight", kRank, columns, a);
    add(module + ".lora_B.weight", rows, kRank, b);
    ++changed_;
  }

  fs::path from_, root_;
  std::mt19937_64 random_{7};
  std::string header_, data_;
  int changed_ = 0;
};

TEST(Adapter, OfPeftGivesEveryArchitectureTheLogitsOfTheMergedCheckpoint) {
  const std::pair<const char*, int> names[] = {{"llama-hd", 7}, {"llama-rope3", 7}, {"mistral-swa", 7}, {"qwen2", 7},
                                               {"qwen3", 7},    {"gemma3", 7},      {"gpt2", 4},        {"qwen3moe", 5}};
  for (const auto& [name, of_a_layer] : names) {
    SCOPED_TRACE(name);
    const MergedCheckpoint checkpoint(name);
    Bench base(checkpoint.base()), merged(checkpoint.merged());
    EXPECT_EQ(checkpoint.changed(), of_a_layer * base.model.formula->dims().layers);
    const Adapter adapter = base.adapter(checkpoint.adapter());
    const AppliedAdapter applied[] = {{&adapter, 1}};
    const std::vector<Token> tokens = some_tokens(30, 7, base.model.formula->dims().vocabulary);
    const Rows expected = merged.logits(tokens, {}, kExact);
    EXPECT_GT(distance(base.logits(tokens, {}, kExact), expected), 0.1F);
    EXPECT_LT(distance(base.logits(tokens, applied, kExact), expected), 1e-3F);
  }
}

}  // namespace
}  // namespace halfbyte
