// Writes a GGUF file of a well-known shape with random weights: speed depends on shapes and number formats only.
//
// usage: random_gguf SHAPE OUT.gguf
//
// The matrices have the formats llama.cpp's Q4_K_M gives them, and deviations that keep activations finite; the vocabulary is
// byte-level, with merges that make every token reachable. Other engines open the file too.
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
#include "base/float16.h"
#include "formats/gguf_bytes.h"
#include "quant/q4_k.h"
#include "quant/q6_k.h"
#include "text/byte_level.h"

namespace halfbyte {
namespace {

namespace gguf = gguf_bytes;

struct Shape {
  std::string_view name;
  uint32_t layers, width, ffn, heads, kv_heads, head_dim, vocabulary;
  bool is_tied;
};
constexpr Shape kShapes[] = {
    {"llama-3.2-1b", 16, 2048, 8192,  32, 8, 64,  128256, true },
    {"llama-3.2-3b", 28, 3072, 8192,  24, 8, 128, 128256, true },
    {"llama-3.1-8b", 32, 4096, 14336, 32, 8, 128, 128256, false},
};
constexpr uint32_t kSpecialTokens = 256;  // at the end of the vocabulary; the first is BOS, as in Llama 3
constexpr uint32_t kEndToken = 9;         // among the special ones

constexpr uint32_t kU32 = 4, kI32 = 5, kF32 = 6, kString = 8;  // GGUF's value types

using Random = std::mt19937_64;

void fill(std::span<uint8_t> bytes, Random& random) {
  size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    const uint64_t eight = random();
    std::memcpy(bytes.data() + i, &eight, 8);
  }
  for (; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(random());
}

// w = d * s * (q - 7.5), q uniform in 0..15: deviation 4.61 * d * s.
Q4_K random_q4_k(float deviation, Random& random) {
  Q4_K block;
  fill(block.qs, random);
  fill(block.scales, random);
  for (size_t j = 0; j < 4; ++j) {  // s = m in all runs, each in 32..47
    const auto low = static_cast<uint8_t>(32 | (block.scales[j] & 15)), high = static_cast<uint8_t>(block.scales[j + 4] & 15);
    block.scales[j] = block.scales[j + 4] = static_cast<uint8_t>(low | (2 << 6));
    block.scales[j + 8] = static_cast<uint8_t>(high << 4 | high);
  }
  const float d = deviation / (4.61F * 40);
  block.d = float_to_half(d);
  block.dmin = float_to_half(7.5F * d);
  return block;
}

// w = d * s * (q - 32), q uniform in 0..63: deviation 18.5 * d * |s|. The sign of s hides that the mean of q is not 32.
Q6_K random_q6_k(float deviation, Random& random) {
  Q6_K block;
  fill(block.ql, random);
  fill(block.qh, random);
  for (int8_t& s : block.scales) {
    const uint64_t bits = random();
    s = static_cast<int8_t>((bits & 32) != 0 ? 32 + static_cast<int>(bits & 31) : -32 - static_cast<int>(bits & 31));
  }
  block.d = float_to_half(deviation / (18.5F * 48));
  return block;
}

struct Tensor {
  std::string name;
  uint32_t type;              // GGUF's number: 0 F32, 12 Q4_K, 14 Q6_K
  uint64_t rows, columns;     // one row: a vector
  std::vector<float> values;  // of F32; the others are random

  uint64_t bytes() const {
    if (type == 0) return values.size() * sizeof(float);
    return rows * columns / 256 * (type == 12 ? sizeof(Q4_K) : sizeof(Q6_K));
  }
};

// The layers where Q4_K_M keeps attn_v and ffn_down at six bits: the first and last eighth, and every third between.
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

std::vector<Tensor> tensors_of(const Shape& s, Random& random) {
  const auto norm = [&](std::string name) {
    std::normal_distribution<float> near_one(1, 0.1F);
    std::vector<float> values(s.width);
    for (float& v : values) v = near_one(random);
    return Tensor{std::move(name), 0, 1, s.width, std::move(values)};
  };
  const auto matrix = [](std::string name, uint64_t rows, uint64_t columns, bool six_bits) {
    return Tensor{std::move(name), six_bits ? 14U : 12U, rows, columns, {}};
  };
  std::vector<Tensor> out;
  out.push_back(matrix("token_embd.weight", s.vocabulary, s.width, s.is_tied));
  if (!s.is_tied) out.push_back(matrix("output.weight", s.vocabulary, s.width, true));
  out.push_back(norm("output_norm.weight"));
  out.push_back({"rope_freqs.weight", 0, 1, s.head_dim / 2, rope_factors(s.head_dim)});
  const uint64_t q_rows = uint64_t{s.heads} * s.head_dim, kv_rows = uint64_t{s.kv_heads} * s.head_dim;
  for (uint32_t layer = 0; layer < s.layers; ++layer) {
    const auto name = [&](std::string_view part) { return fmt::format("blk.{}.{}.weight", layer, part); };
    const bool six_bits = has_more_bits(layer, s.layers);
    out.push_back(norm(name("attn_norm")));
    out.push_back(matrix(name("attn_q"), q_rows, s.width, false));
    out.push_back(matrix(name("attn_k"), kv_rows, s.width, false));
    out.push_back(matrix(name("attn_v"), kv_rows, s.width, six_bits));
    out.push_back(matrix(name("attn_output"), s.width, q_rows, false));
    out.push_back(norm(name("ffn_norm")));
    out.push_back(matrix(name("ffn_gate"), s.ffn, s.width, false));
    out.push_back(matrix(name("ffn_up"), s.ffn, s.width, false));
    out.push_back(matrix(name("ffn_down"), s.width, s.ffn, six_bits));
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

std::vector<std::string> entries_of(const Shape& s) {
  const auto u32 = [](std::string_view key, uint32_t value) { return gguf::entry(key, kU32, gguf::raw(value)); };
  const auto f32 = [](std::string_view key, float value) { return gguf::entry(key, kF32, gguf::raw(value)); };
  const Vocabulary vocabulary = vocabulary_of(s.vocabulary);
  return {
      gguf::text_entry("general.architecture", "llama"),
      gguf::text_entry("general.name", fmt::format("{} with random weights", s.name)),
      u32("general.file_type", 15),  // mostly Q4_K_M
      u32("general.quantization_version", 2),
      u32("llama.vocab_size", s.vocabulary),
      u32("llama.context_length", 131072),
      u32("llama.embedding_length", s.width),
      u32("llama.block_count", s.layers),
      u32("llama.feed_forward_length", s.ffn),
      u32("llama.attention.head_count", s.heads),
      u32("llama.attention.head_count_kv", s.kv_heads),
      u32("llama.attention.key_length", s.head_dim),
      u32("llama.attention.value_length", s.head_dim),
      f32("llama.attention.layer_norm_rms_epsilon", 1e-5F),
      u32("llama.rope.dimension_count", s.head_dim),
      f32("llama.rope.freq_base", 500000),
      gguf::text_entry("tokenizer.ggml.model", "gpt2"),
      gguf::text_entry("tokenizer.ggml.pre", "llama-bpe"),
      gguf::array_entry("tokenizer.ggml.tokens", kString, s.vocabulary, vocabulary.tokens),
      gguf::array_entry("tokenizer.ggml.token_type", kI32, s.vocabulary, vocabulary.types),
      gguf::array_entry("tokenizer.ggml.merges", kString, vocabulary.merge_count, vocabulary.merges),
      u32("tokenizer.ggml.bos_token_id", s.vocabulary - kSpecialTokens),
      u32("tokenizer.ggml.eos_token_id", s.vocabulary - kSpecialTokens + kEndToken),
  };
}

template <class Block>
std::string random_row(uint64_t columns, Block (*make)(float, Random&), float deviation, Random& random) {
  std::string row;
  for (uint64_t i = 0; i < columns / 256; ++i) row += gguf::raw(make(deviation, random));
  return row;
}

bool write_tensor(std::FILE* out, const Tensor& tensor, Random& random) {
  if (tensor.type == 0) return std::fwrite(tensor.values.data(), sizeof(float), tensor.values.size(), out) == tensor.values.size();
  const float deviation = 1 / std::sqrt(static_cast<float>(tensor.columns));
  for (uint64_t r = 0; r < tensor.rows; ++r) {
    const std::string row = tensor.type == 12 ? random_row(tensor.columns, random_q4_k, deviation, random)
                                              : random_row(tensor.columns, random_q6_k, deviation, random);
    if (std::fwrite(row.data(), 1, row.size(), out) != row.size()) return false;
  }
  return true;
}

bool write_padding(std::FILE* out, uint64_t written) {
  constexpr char kZeros[32] = {};
  const size_t missing = round_up(written, 32) - written;
  return std::fwrite(kZeros, 1, missing, out) == missing;
}

bool write_file(std::FILE* out, const Shape& shape) {
  Random random(2026);
  const auto tensors = tensors_of(shape, random);
  std::vector<std::string> records;
  uint64_t offset = 0;
  for (const Tensor& t : tensors) {
    records.push_back(gguf::record(t.name, t.rows == 1 ? std::vector{t.columns} : std::vector{t.columns, t.rows}, t.type, offset));
    offset += round_up(t.bytes(), 32);
  }
  const std::string head = gguf::file(entries_of(shape), records);  // padded to where the data begins
  bool ok = std::fwrite(head.data(), 1, head.size(), out) == head.size();
  for (const Tensor& t : tensors) ok = ok && write_tensor(out, t, random) && write_padding(out, t.bytes());
  return ok && std::fflush(out) == 0;
}

int run(std::string_view name, const char* path) {
  for (const Shape& shape : kShapes) {
    if (shape.name != name) continue;
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::fopen(path, "wb"), std::fclose);
    if (out == nullptr || !write_file(out.get(), shape)) {
      fmt::print(stderr, "random_gguf: cannot write {}: {}\n", path, std::strerror(errno));
      return 1;
    }
    return 0;
  }
  fmt::print(stderr, "usage: random_gguf SHAPE OUT.gguf; shapes:");
  for (const Shape& shape : kShapes) fmt::print(stderr, " {}", shape.name);
  fmt::print(stderr, "\n");
  return 2;
}

}  // namespace
}  // namespace halfbyte

int main(int argc, char** argv) { return argc == 3 ? halfbyte::run(argv[1], argv[2]) : halfbyte::run("", nullptr); }
