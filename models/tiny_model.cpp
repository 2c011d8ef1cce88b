#include "models/tiny_model.h"

#include <unistd.h>

#include <atomic>
#include <bit>
#include <cmath>
#include <fstream>
#include <random>

#include "base/float16.h"
#include "formats/gguf_bytes.h"
#include "quant/number_format.h"

namespace halfbyte {
namespace {

using gguf_bytes::raw;

constexpr uint32_t kU32 = 4, kF32 = 6, kI32 = 5, kBool = 7, kString = 8;

// GPT-2's printable stand-in for each byte, as UTF-8 (Radford et al. 2019, encoder.py: bytes_to_unicode).
std::vector<std::string> byte_tokens() {
  std::vector<std::string> out;
  int shifted = 0;
  for (int b = 0; b < 256; ++b) {
    const bool is_printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
    const int code = is_printable ? b : 256 + shifted++;
    if (code < 0x80)
      out.emplace_back(1, static_cast<char>(code));
    else
      out.push_back({static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 0x3f))});
  }
  return out;
}

// Random weights of about `deviation`, as raw blocks of the format: a float each, or a scale and random bits.
std::string random_blocks(const NumberFormat& format, uint64_t elements, float deviation, std::mt19937_64& random) {
  std::normal_distribution<float> normal(0, deviation);
  const auto scale = [&]() -> std::string {
    if (format.name == "F32") return raw(normal(random));
    if (format.name == "F16") return raw(float_to_half(normal(random)));
    if (format.name == "BF16") return raw(static_cast<uint16_t>(std::bit_cast<uint32_t>(normal(random)) >> 16));
    if (format.name == "MXFP4") return raw(static_cast<uint8_t>(127 + std::ilogb(deviation / 4)));  // levels reach 6
    if (format.name != "Q4_1") return raw(float_to_half(deviation / 64));
    const float step = deviation / 4;
    return raw(float_to_half(step)) + raw(float_to_half(-8 * step));
  };
  std::string out;
  for (uint64_t block = 0; block < elements / format.block_length; ++block) {
    std::string bytes = scale();
    while (bytes.size() < format.block_bytes) bytes += static_cast<char>(random());
    out += bytes;
  }
  return out;
}

}  // namespace

std::string TinyModel::bytes() const {
  const std::string architecture = experts > 0 ? "qwen3moe" : "llama";
  std::vector<std::pair<std::string, std::string>> entries;
  const auto add = [&](const std::string& key, uint32_t type, const std::string& value) {
    entries.emplace_back(key, gguf_bytes::entry(key, type, value));
  };
  const auto add_u32 = [&](const std::string& key, int value) { add(key, kU32, raw(static_cast<uint32_t>(value))); };
  add("general.architecture", kString, gguf_bytes::text(architecture));
  add("general.name", kString, gguf_bytes::text("tiny"));
  add_u32(architecture + ".block_count", layers);
  add_u32(architecture + ".embedding_length", width);
  add_u32(architecture + ".feed_forward_length", ffn);
  add_u32(architecture + ".attention.head_count", heads);
  add_u32(architecture + ".attention.head_count_kv", kv_heads);
  add_u32(architecture + ".context_length", context);
  if (experts > 0) {
    add_u32(architecture + ".expert_count", experts);
    add_u32(architecture + ".expert_used_count", experts_used);
    add_u32(architecture + ".expert_feed_forward_length", ffn);
  }
  if (window > 0) add_u32(architecture + ".attention.sliding_window", window);
  add(architecture + ".attention.layer_norm_rms_epsilon", kF32, raw(1e-5F));
  add(architecture + ".rope.freq_base", kF32, raw(10000.0F));
  add("tokenizer.ggml.model", kString, gguf_bytes::text("gpt2"));
  add("tokenizer.ggml.pre", kString, gguf_bytes::text("gpt-2"));
  std::string tokens, types;
  for (const std::string& token : byte_tokens()) tokens += gguf_bytes::text(token);
  tokens += gguf_bytes::text("ab") + gguf_bytes::text("<|end|>");
  for (int i = 0; i < kVocabulary; ++i) types += raw(i == kEndToken ? 3 : 1);
  entries.emplace_back("tokenizer.ggml.tokens", gguf_bytes::array_entry("tokenizer.ggml.tokens", kString, kVocabulary, tokens));
  entries.emplace_back("tokenizer.ggml.token_type", gguf_bytes::array_entry("tokenizer.ggml.token_type", kI32, kVocabulary, types));
  entries.emplace_back("tokenizer.ggml.merges", gguf_bytes::array_entry("tokenizer.ggml.merges", kString, 1, gguf_bytes::text("a b")));
  add_u32("tokenizer.ggml.eos_token_id", kEndToken);
  add("tokenizer.ggml.add_bos_token", kBool, std::string(1, '\0'));
  add_u32("general.quantization_version", 2);

  std::mt19937_64 random(seed);
  std::vector<TensorBytes> tensors;
  const NumberFormat& matrix_format = *find_number_format(format);
  const NumberFormat& float_format = *find_number_format("F32");
  const auto random_tensor = [&](const std::string& name, const std::vector<uint64_t>& shape, bool is_matrix) {
    const float deviation = 1.3F / std::sqrt(static_cast<float>(shape.back()));
    uint64_t elements = 1;
    for (const uint64_t n : shape) elements *= n;
    tensors.push_back({name, shape, random_blocks(is_matrix ? matrix_format : float_format, elements, deviation, random), is_matrix});
  };
  const auto matrix = [&](const std::string& name, int rows, int columns) {
    random_tensor(name, {static_cast<uint64_t>(rows), static_cast<uint64_t>(columns)}, true);
  };
  const auto norm = [&](const std::string& name, int length) {
    std::string ones;
    for (int i = 0; i < length; ++i) ones += raw(1.0F + 0.1F * static_cast<float>(i % 3));
    tensors.push_back({name, {static_cast<uint64_t>(length)}, ones, false});
  };
  const int head_dim = width / heads;
  matrix("token_embd.weight", kVocabulary, width);
  for (int l = 0; l < layers; ++l) {
    const std::string layer = "blk." + std::to_string(l) + ".";
    norm(layer + "attn_norm.weight", width);
    matrix(layer + "attn_q.weight", width, width);
    matrix(layer + "attn_k.weight", kv_heads * head_dim, width);
    matrix(layer + "attn_v.weight", kv_heads * head_dim, width);
    matrix(layer + "attn_output.weight", width, width);
    norm(layer + "ffn_norm.weight", width);
    if (experts == 0) {
      matrix(layer + "ffn_gate.weight", ffn, width);
      matrix(layer + "ffn_up.weight", ffn, width);
      matrix(layer + "ffn_down.weight", width, ffn);
      continue;
    }
    const auto n = static_cast<uint64_t>(experts), outer = static_cast<uint64_t>(width), inner = static_cast<uint64_t>(ffn);
    norm(layer + "attn_q_norm.weight", head_dim);
    norm(layer + "attn_k_norm.weight", head_dim);
    random_tensor(layer + "ffn_gate_inp.weight", {n, outer}, false);
    random_tensor(layer + "ffn_gate_exps.weight", {n, inner, outer}, true);
    random_tensor(layer + "ffn_up_exps.weight", {n, inner, outer}, true);
    random_tensor(layer + "ffn_down_exps.weight", {n, outer, inner}, true);
  }
  norm("output_norm.weight", width);

  if (change_entries) change_entries(entries);
  if (change_tensors) change_tensors(tensors);
  std::vector<std::string> entry_bytes, records;
  for (const auto& [key, value] : entries) entry_bytes.push_back(value);
  std::string data;
  for (const TensorBytes& t : tensors) {
    records.push_back(gguf_bytes::record(t.name, {t.shape.rbegin(), t.shape.rend()}, (t.is_matrix ? matrix_format : float_format).gguf_type,
                                         data.size()));
    data += t.data;
    data.resize((data.size() + 31) / 32 * 32);
  }
  return gguf_bytes::file(entry_bytes, records, data);
}

TinyModelFile::TinyModelFile(const TinyModel& model) {
  static std::atomic<int> serial{0};
  path_ =
      std::filesystem::temp_directory_path() / ("halfbyte_tiny." + std::to_string(::getpid()) + "." + std::to_string(serial++) + ".gguf");
  std::ofstream(path_, std::ios::binary) << model.bytes();
}

TinyModelFile::~TinyModelFile() { std::filesystem::remove(path_); }

}  // namespace halfbyte
