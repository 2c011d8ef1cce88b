#include "models/tiny_adapter.h"

#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <fstream>
#include <random>

#include "formats/gguf_bytes.h"
#include "formats/safetensors_samples.h"

namespace halfbyte {
namespace {

std::string bytes_of(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

struct PeftName {
  std::string_view gguf, module;
};
constexpr PeftName kPeftNames[] = {{"attn_q", "self_attn.q_proj"},      {"attn_k", "self_attn.k_proj"}, {"attn_v", "self_attn.v_proj"},
                                   {"attn_output", "self_attn.o_proj"}, {"ffn_gate", "mlp.gate_proj"},  {"ffn_up", "mlp.up_proj"},
                                   {"ffn_down", "mlp.down_proj"}};

// Rows that turn together lie side by side in GGUF's llama and half a head apart in transformers'.
std::vector<float> halves_from_pairs(const std::vector<float>& pairs, int rows, int heads) {
  const size_t width = pairs.size() / static_cast<size_t>(rows), head = static_cast<size_t>(rows / heads);
  std::vector<float> out(pairs.size());
  for (size_t row = 0; row < static_cast<size_t>(rows); ++row) {
    const size_t in_head = row % head, to = row - in_head + in_head / 2 + (in_head % 2) * (head / 2);
    std::copy_n(pairs.begin() + static_cast<std::ptrdiff_t>(row * width), width, out.begin() + static_cast<std::ptrdiff_t>(to * width));
  }
  return out;
}

}  // namespace

std::vector<TinyAdapter::Change> TinyAdapter::changes(const TinyModel& model) const {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal(0, 1);
  std::vector<Change> out;
  for (int layer = 0; layer < model.layers; ++layer)
    for (const std::string& target : targets) {
      const int kv = model.kv_heads * (model.width / model.heads);
      Change made{.name = "blk." + std::to_string(layer) + "." + target, .rows = model.width, .columns = model.width};
      if (target == "attn_k" || target == "attn_v") made.rows = kv;
      if (target == "ffn_gate" || target == "ffn_up") made.rows = model.ffn;
      if (target == "ffn_down") made.columns = model.ffn;
      const float spread = 0.5F / std::sqrt(static_cast<float>(made.columns));
      for (int i = 0; i < rank * made.columns; ++i) made.a.push_back(spread * normal(random));
      for (int i = 0; i < rank * made.rows; ++i) made.b.push_back(is_zero ? 0.0F : 0.5F * normal(random));
      out.push_back(std::move(made));
    }
  return out;
}

std::string TinyAdapter::gguf(const TinyModel& model) const {
  std::vector<std::string> entries = {
      gguf_bytes::text_entry("general.architecture", model.experts > 0 ? "qwen3moe" : "llama"),
      gguf_bytes::text_entry("general.type", "adapter"),
      gguf_bytes::text_entry("adapter.type", "lora"),
      gguf_bytes::entry("adapter.lora.alpha", 6, gguf_bytes::raw(alpha)),
  };
  std::vector<TinyModel::TensorBytes> tensors;
  for (const Change& c : changes(model)) {
    const auto r = static_cast<uint64_t>(rank);
    tensors.push_back({c.name + ".weight.lora_a", {r, static_cast<uint64_t>(c.columns)}, bytes_of(c.a)});
    tensors.push_back({c.name + ".weight.lora_b", {static_cast<uint64_t>(c.rows), r}, bytes_of(c.b)});
  }
  if (change) change(entries, tensors);
  std::vector<std::string> records;
  std::string data;
  for (const TinyModel::TensorBytes& t : tensors) {
    records.push_back(gguf_bytes::record(t.name, {t.shape.rbegin(), t.shape.rend()}, 0, data.size()));
    data += t.data;
    data.resize((data.size() + 31) / 32 * 32);
  }
  return gguf_bytes::file(entries, records, data);
}

TinyModel TinyAdapter::merged(const TinyModel& model) const {
  TinyModel out = model;
  out.change_tensors = [all = changes(model), scale = alpha / static_cast<float>(rank), r = static_cast<size_t>(rank)](auto& tensors) {
    for (TinyModel::TensorBytes& tensor : tensors)
      for (const Change& c : all) {
        if (tensor.name != c.name + ".weight") continue;
        std::vector<float> w(tensor.data.size() / sizeof(float));
        std::memcpy(w.data(), tensor.data.data(), tensor.data.size());
        const auto columns = static_cast<size_t>(c.columns);
        for (size_t i = 0; i < w.size(); ++i)
          for (size_t k = 0; k < r; ++k) w[i] += scale * c.b[i / columns * r + k] * c.a[k * columns + i % columns];
        tensor.data = bytes_of(w);
      }
  };
  return out;
}

void TinyAdapter::write_peft(const TinyModel& model, const std::filesystem::path& folder, const std::string& settings) const {
  std::string header, data;
  const auto add = [&](const std::string& name, int rows, int columns, const std::vector<float>& values) {
    const size_t begin = data.size();
    data += bytes_of(values);
    header += (header.empty() ? "\"" : ",\"") + name + "\":{\"dtype\":\"F32\",\"shape\":[" + std::to_string(rows) + "," +
              std::to_string(columns) + "],\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(data.size()) + "]}";
  };
  for (const Change& c : changes(model)) {
    const size_t dot = c.name.rfind('.');
    std::string module;
    for (const PeftName& name : kPeftNames)
      if (c.name.substr(dot + 1) == name.gguf) module = name.module;
    const std::string name = "base_model.model.model.layers." + c.name.substr(4, dot - 4) + "." + module;
    const bool is_q = c.name.ends_with("attn_q"), is_k = c.name.ends_with("attn_k");
    add(name + ".lora_A.weight", rank, c.columns, c.a);
    add(name + ".lora_B.weight", c.rows, rank, is_q || is_k ? halves_from_pairs(c.b, c.rows, is_q ? model.heads : model.kv_heads) : c.b);
  }
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "adapter_model.safetensors", std::ios::binary) << safetensors_file("{" + header + "}", data);
  std::ofstream(folder / "adapter_config.json")
      << R"({"peft_type": "LORA", "task_type": "CAUSAL_LM", "bias": "none", "lora_dropout": 0.05, "r": )" << rank
      << ", \"lora_alpha\": " << alpha << (settings.empty() ? "" : ", ") << settings << "}";
}

TinyAdapterFile::TinyAdapterFile(const TinyModel& model, const TinyAdapter& adapter) {
  static std::atomic<int> serial{0};
  path_ = std::filesystem::temp_directory_path() /
          ("halfbyte_tiny_adapter." + std::to_string(::getpid()) + "." + std::to_string(serial++) + ".gguf");
  std::ofstream(path_, std::ios::binary) << adapter.gguf(model);
}

TinyAdapterFile::~TinyAdapterFile() { std::filesystem::remove(path_); }

}  // namespace halfbyte
