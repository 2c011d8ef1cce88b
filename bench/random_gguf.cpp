// Writes a GGUF file of a well-known shape with random weights: speed depends on shapes and number formats only.
//
// usage: random_gguf SHAPE OUT.gguf [MIX]
//
// MIX says which formats the matrices have, as llama.cpp gives them under that name (Q4_K_M unless said). Deviations keep
// activations finite; the vocabulary is byte-level, with merges that make every token reachable. Other engines open the file too.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <numbers>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "base/checked.h"
#include "bench/random_rows.h"
#include "formats/gguf_bytes.h"
#include "quant/number_format.h"
#include "text/byte_level.h"

namespace halfbyte {
namespace {

namespace gguf = gguf_bytes;

struct Shape {
  std::string_view name, architecture, pre_tokenizer;
  uint32_t layers, width, ffn, heads, kv_heads, head_dim, vocabulary, context;
  float rope_base;
  bool is_tied, has_biases, has_stretched_rope, has_head_norms;
  uint32_t experts, experts_used, expert_ffn;  // of a mixture
};
// The last one has Qwen3-30B-A3B's matrices, a sixth of its layers, a quarter of its experts and a fifth of its vocabulary: attention,
// experts and head have about the shares in a token's time that they have there.
constexpr Shape kShapes[] = {
    {"llama-3.2-1b", "llama", "llama-bpe", 16, 2048, 8192, 32, 8, 64, 128256, 131072, 5e5F, true, false, true, false, 0, 0, 0},
    {"llama-3.2-3b", "llama", "llama-bpe", 28, 3072, 8192, 24, 8, 128, 128256, 131072, 5e5F, true, false, true, false, 0, 0, 0},
    {"llama-3.1-8b", "llama", "llama-bpe", 32, 4096, 14336, 32, 8, 128, 128256, 131072, 5e5F, false, false, true, false, 0, 0, 0},
    {"llama-2-7b", "llama", "llama-bpe", 32, 4096, 11008, 32, 32, 128, 32000, 4096, 1e4F, false, false, false, false, 0, 0, 0},
    {"qwen2.5-0.5b", "qwen2", "qwen2", 24, 896, 4864, 14, 2, 64, 151936, 32768, 1e6F, true, true, false, false, 0, 0, 0},
    {"qwen3-30b-a3b-small", "qwen3moe", "qwen2", 8, 2048, 6144, 32, 4, 128, 32768, 40960, 1e6F, false, false, false, true, 32, 8, 768},
};

// What llama.cpp's quantizer makes of the matrices. `more` is for attn_v and ffn_down of some layers, `head` for the output matrix.
struct Mix {
  std::string_view name, usual, more, head;
  uint32_t file_type;
};
constexpr Mix kMixes[] = {
    {"Q4_K_M", "Q4_K", "Q6_K", "Q6_K", 15}, {"Q5_K_M", "Q5_K", "Q6_K", "Q6_K", 17},  {"Q6_K", "Q6_K", "Q6_K", "Q6_K", 18},
    {"Q4_0", "Q4_0", "Q4_0", "Q6_K", 2},    {"Q4_1", "Q4_1", "Q4_1", "Q6_K", 3},     {"Q5_0", "Q5_0", "Q5_0", "Q6_K", 8},
    {"Q8_0", "Q8_0", "Q8_0", "Q8_0", 7},    {"MXFP4", "MXFP4", "MXFP4", "Q8_0", 38}, {"F16", "F16", "F16", "F16", 1},
    {"BF16", "BF16", "BF16", "BF16", 32},   {"F32", "F32", "F32", "F32", 0},
};
// The format that stands in where rows are no multiple of 256.
std::string_view for_short_rows(std::string_view format) {
  return format == "Q4_K" ? "Q5_0" : format == "Q5_K" ? "Q5_1" : format == "Q6_K" ? "Q8_0" : format;
}
constexpr uint32_t kSpecialTokens = 256;  // at the end of the vocabulary; the first is BOS, as in Llama 3
constexpr uint32_t kEndToken = 9;         // among the special ones

constexpr uint32_t kU32 = 4, kI32 = 5, kF32 = 6, kString = 8;  // GGUF's value types

struct Tensor {
  std::string name;
  const NumberFormat* format;
  uint64_t rows, columns;     // one row: a vector
  std::vector<float> values;  // of vectors; matrices are random
  uint64_t matrices = 1;      // more: an expert's each

  uint64_t bytes() const { return matrices * rows * format->row_bytes(columns); }
};

// The layers where Q4_K_M and Q5_K_M keep attn_v and ffn_down at six bits: the first and last eighth, and every third between.
bool has_more_bits(uint32_t layer, uint32_t layers) {
  return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}

// Llama 3's stretch of long rope waves: factor 32 beyond 8192 positions, smooth from a quarter of that.
std::vector<float> rope_factors(uint32_t head_dim) {
  std::vector<float> factors;
  for (uint32_t i = 0; i < head_dim; i += 2) {
    const double wave = 2 * std::numbers::pi * std::pow(500000.0, static_cast<double>(i) / head_dim);
    const double smooth = std::clamp((8192 / wave - 1) / 3, 0.0, 1.0);
    factors.push_back(static_cast<float>(1 / ((1 - smooth) / 32 + smooth)));
  }
  return factors;
}

std::vector<Tensor> tensors_of(const Shape& s, const Mix& mix, Random& random) {
  const auto vector = [](std::string name, std::vector<float> values) {
    const uint64_t length = values.size();
    return Tensor{std::move(name), find_number_format("F32"), 1, length, std::move(values)};
  };
  const auto normal = [&](std::string name, uint64_t length, float mean) {
    std::normal_distribution<float> near_mean(mean, 0.1F);
    std::vector<float> values(length);
    for (float& v : values) v = near_mean(random);
    return vector(std::move(name), std::move(values));
  };
  const auto matrix = [](std::string name, uint64_t rows, uint64_t columns, std::string_view format) {
    return Tensor{std::move(name), find_number_format(columns % 256 == 0 ? format : for_short_rows(format)), rows, columns, {}};
  };
  const auto experts = [&](std::string name, uint64_t rows, uint64_t columns, std::string_view format) {
    Tensor tensor = matrix(std::move(name), rows, columns, format);
    tensor.matrices = s.experts;
    return tensor;
  };
  std::vector<Tensor> out;
  out.push_back(matrix("token_embd.weight", s.vocabulary, s.width, s.is_tied ? mix.head : mix.usual));
  if (!s.is_tied) out.push_back(matrix("output.weight", s.vocabulary, s.width, mix.head));
  out.push_back(normal("output_norm.weight", s.width, 1));
  if (s.has_stretched_rope) out.push_back(vector("rope_freqs.weight", rope_factors(s.head_dim)));
  const uint64_t q_rows = uint64_t{s.heads} * s.head_dim, kv_rows = uint64_t{s.kv_heads} * s.head_dim;
  for (uint32_t layer = 0; layer < s.layers; ++layer) {
    const auto name = [&](std::string_view part) { return fmt::format("blk.{}.{}", layer, part); };
    const std::string_view more = has_more_bits(layer, s.layers) ? mix.more : mix.usual;
    out.push_back(normal(name("attn_norm.weight"), s.width, 1));
    out.push_back(matrix(name("attn_q.weight"), q_rows, s.width, mix.usual));
    out.push_back(matrix(name("attn_k.weight"), kv_rows, s.width, mix.usual));
    out.push_back(matrix(name("attn_v.weight"), kv_rows, s.width, more));
    if (s.has_biases) {
      out.push_back(normal(name("attn_q.bias"), q_rows, 0));
      out.push_back(normal(name("attn_k.bias"), kv_rows, 0));
      out.push_back(normal(name("attn_v.bias"), kv_rows, 0));
    }
    out.push_back(matrix(name("attn_output.weight"), s.width, q_rows, mix.usual));
    out.push_back(normal(name("ffn_norm.weight"), s.width, 1));
    if (s.has_head_norms) {
      out.push_back(normal(name("attn_q_norm.weight"), s.head_dim, 1));
      out.push_back(normal(name("attn_k_norm.weight"), s.head_dim, 1));
    }
    if (s.experts > 0) {
      out.push_back(matrix(name("ffn_gate_inp.weight"), s.experts, s.width, "F32"));
      out.push_back(experts(name("ffn_gate_exps.weight"), s.expert_ffn, s.width, mix.usual));
      out.push_back(experts(name("ffn_up_exps.weight"), s.expert_ffn, s.width, mix.usual));
      out.push_back(experts(name("ffn_down_exps.weight"), s.width, s.expert_ffn, more));
      continue;
    }
    out.push_back(matrix(name("ffn_gate.weight"), s.ffn, s.width, mix.usual));
    out.push_back(matrix(name("ffn_up.weight"), s.ffn, s.width, mix.usual));
    out.push_back(matrix(name("ffn_down.weight"), s.width, s.ffn, more));
  }
  return out;
}

// 256 bytes, then pairs and triples of them in order, each merged from the one before and a byte.
struct Vocabulary {
  std::string tokens, types, merges;
  uint64_t merge_count = 0;
};
Vocabulary vocabulary_of(uint32_t size) {
  std::vector<std::string> texts;
  Vocabulary out;
  for (int b = 0; b < 256; ++b) append_byte_level(std::string(1, static_cast<char>(b)), texts.emplace_back());
  for (uint32_t stem = 0; texts.size() < size - kSpecialTokens; ++stem)
    for (uint32_t b = 0; b < 256 && texts.size() < size - kSpecialTokens; ++b) {
      out.merges += gguf::text(texts[stem] + " " + texts[b]);
      ++out.merge_count;
      texts.push_back(texts[stem] + texts[b]);
    }
  for (uint32_t i = 0; i < kSpecialTokens; ++i) texts.push_back(fmt::format("<|special_{}|>", i));
  for (size_t i = 0; i < texts.size(); ++i) {
    out.tokens += gguf::text(texts[i]);
    out.types += gguf::raw(i < size - kSpecialTokens ? 1 : 3);  // normal, control
  }
  return out;
}

std::vector<std::string> entries_of(const Shape& s, const Mix& mix) {
  const auto u32 = [](std::string_view key, uint32_t value) { return gguf::entry(key, kU32, gguf::raw(value)); };
  const auto key = [&](std::string_view part) { return fmt::format("{}.{}", s.architecture, part); };
  const auto size = [&](std::string_view part, uint32_t value) { return u32(key(part), value); };
  const auto real = [&](std::string_view part, float value) { return gguf::entry(key(part), kF32, gguf::raw(value)); };
  const Vocabulary vocabulary = vocabulary_of(s.vocabulary);
  std::vector<std::string> out = {
      gguf::text_entry("general.architecture", s.architecture),
      gguf::text_entry("general.name", fmt::format("{} with random weights", s.name)),
      u32("general.file_type", mix.file_type),
      u32("general.quantization_version", 2),
      size("vocab_size", s.vocabulary),
      size("context_length", s.context),
      size("embedding_length", s.width),
      size("block_count", s.layers),
      size("feed_forward_length", s.ffn),
      size("attention.head_count", s.heads),
      size("attention.head_count_kv", s.kv_heads),
      size("attention.key_length", s.head_dim),
      size("attention.value_length", s.head_dim),
      real("attention.layer_norm_rms_epsilon", 1e-5F),
      size("rope.dimension_count", s.head_dim),
      real("rope.freq_base", s.rope_base),
      gguf::text_entry("tokenizer.ggml.model", "gpt2"),
      gguf::text_entry("tokenizer.ggml.pre", s.pre_tokenizer),
      gguf::array_entry("tokenizer.ggml.tokens", kString, s.vocabulary, vocabulary.tokens),
      gguf::array_entry("tokenizer.ggml.token_type", kI32, s.vocabulary, vocabulary.types),
      gguf::array_entry("tokenizer.ggml.merges", kString, vocabulary.merge_count, vocabulary.merges),
      u32("tokenizer.ggml.bos_token_id", s.vocabulary - kSpecialTokens),
      u32("tokenizer.ggml.eos_token_id", s.vocabulary - kSpecialTokens + kEndToken),
  };
  if (s.experts > 0)
    for (std::string& entry : std::vector{size("expert_count", s.experts), size("expert_used_count", s.experts_used),
                                          size("expert_feed_forward_length", s.expert_ffn)})
      out.push_back(std::move(entry));
  return out;
}

bool write_tensor(std::FILE* out, const Tensor& tensor, Random& random) {
  if (!tensor.values.empty()) return std::fwrite(tensor.values.data(), sizeof(float), tensor.values.size(), out) == tensor.values.size();
  MakeRandomRow* make = random_row_of(tensor.format->name);
  const float deviation = 1 / std::sqrt(static_cast<float>(tensor.columns));
  for (uint64_t r = 0; r < tensor.matrices * tensor.rows; ++r) {
    const std::string row = make(tensor.columns, deviation, random);
    if (std::fwrite(row.data(), 1, row.size(), out) != row.size()) return false;
  }
  return true;
}

bool write_padding(std::FILE* out, uint64_t written) {
  constexpr char kZeros[32] = {};
  const size_t missing = round_up(written, 32) - written;
  return std::fwrite(kZeros, 1, missing, out) == missing;
}

bool write_file(std::FILE* out, const Shape& shape, const Mix& mix) {
  Random random(2026);
  const auto tensors = tensors_of(shape, mix, random);
  std::vector<std::string> records;
  uint64_t offset = 0;
  for (const Tensor& t : tensors) {
    std::vector<uint64_t> dimensions{t.columns};
    if (t.rows > 1) dimensions.push_back(t.rows);
    if (t.matrices > 1) dimensions.push_back(t.matrices);
    records.push_back(gguf::record(t.name, dimensions, t.format->gguf_type, offset));
    offset += round_up(t.bytes(), 32);
  }
  const std::string head = gguf::file(entries_of(shape, mix), records);  // padded to where the data begins
  bool ok = std::fwrite(head.data(), 1, head.size(), out) == head.size();
  for (const Tensor& t : tensors) ok = ok && write_tensor(out, t, random) && write_padding(out, t.bytes());
  return ok && std::fflush(out) == 0;
}

template <class Row, size_t kCount>
const Row* find(const Row (&rows)[kCount], std::string_view name) {
  for (const Row& row : rows)
    if (row.name == name) return &row;
  return nullptr;
}

int usage() {
  fmt::print(stderr, "usage: random_gguf SHAPE OUT.gguf [MIX]\nshapes:");
  for (const Shape& shape : kShapes) fmt::print(stderr, " {}", shape.name);
  fmt::print(stderr, "\nmixes:");
  for (const Mix& mix : kMixes) fmt::print(stderr, " {}", mix.name);
  fmt::print(stderr, "\n");
  return 2;
}

int run(std::string_view shape_name, const char* path, std::string_view mix_name) {
  const Shape* shape = find(kShapes, shape_name);
  const Mix* mix = find(kMixes, mix_name);
  if (shape == nullptr || mix == nullptr) return usage();
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::fopen(path, "wb"), std::fclose);
  if (out == nullptr || !write_file(out.get(), *shape, *mix)) {
    fmt::print(stderr, "random_gguf: cannot write {}: {}\n", path, std::strerror(errno));
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace halfbyte

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) return halfbyte::usage();
  return halfbyte::run(argv[1], argv[2], argc == 4 ? argv[3] : "Q4_K_M");
}
