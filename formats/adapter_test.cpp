#include "formats/adapter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "formats/gguf_bytes.h"
#include "formats/peft.h"
#include "formats/safetensors_samples.h"

namespace halfbyte {
namespace {

namespace fs = std::filesystem;

struct Stored {
  std::string name;
  std::vector<uint64_t> shape;  // slowest first
};

std::string floats(const Stored& tensor) {
  const uint64_t n = std::accumulate(tensor.shape.begin(), tensor.shape.end(), uint64_t{1}, std::multiplies<>());
  std::string out;
  for (uint64_t i = 0; i < n; ++i) out += gguf_bytes::raw(static_cast<float>(i));
  return out;
}

std::string safetensors(const std::vector<Stored>& tensors) {
  std::string header, data;
  for (const Stored& tensor : tensors) {
    std::string dimensions;
    for (const uint64_t d : tensor.shape) dimensions += (dimensions.empty() ? "" : ",") + std::to_string(d);
    const size_t begin = data.size();
    data += floats(tensor);
    header += (header.empty() ? "\"" : ",\"") + tensor.name + "\":{\"dtype\":\"F32\",\"shape\":[" + dimensions + "],\"data_offsets\":[" +
              std::to_string(begin) + "," + std::to_string(data.size()) + "]}";
  }
  return safetensors_file("{" + header + "}", data);
}

std::string gguf(const std::vector<std::string>& entries, const std::vector<Stored>& tensors) {
  std::vector<std::string> records;
  std::string data;
  for (const Stored& tensor : tensors) {
    records.push_back(gguf_bytes::record(tensor.name, {tensor.shape.rbegin(), tensor.shape.rend()}, 0, data.size()));
    data += floats(tensor);
    data.resize((data.size() + 31) / 32 * 32);
  }
  return gguf_bytes::file(entries, records, data);
}

// A folder of its own for each test, removed at the end.
class AdapterFiles : public testing::Test {
 protected:
  AdapterFiles() {
    root_ =
        fs::path(testing::TempDir()) / (std::string("halfbyte-adapter-") + testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  ~AdapterFiles() override { fs::remove_all(root_); }

  void write(const std::string& name, std::string_view bytes) const { std::ofstream(root_ / name, std::ios::binary) << bytes; }
  void write_peft(const std::string& config, const std::vector<Stored>& tensors) const {
    write("adapter_config.json", config);
    write("adapter_model.safetensors", safetensors(tensors));
  }
  // What is wrong with it, without the path before it.
  std::string refusal(const fs::path& path, const AdapterBase& base = kLlama) const {
    const auto opened = open_adapter(path, base);
    if (opened) return "opened";
    std::string message = opened.error().message;
    for (const fs::path& prefix : {root_ / "adapter_config.json", path, root_})
      if (message.starts_with(prefix.string() + ": ")) return message.substr(prefix.string().size() + 2);
    return message;
  }
  std::string refusal_of_gguf(const std::vector<std::string>& entries, const std::vector<Stored>& tensors) const {
    write("adapter.gguf", gguf(entries, tensors));
    return refusal(root_ / "adapter.gguf");
  }
  std::string refusal_of_peft(const std::string& settings, const std::vector<Stored>& tensors = kPeftPair) const {
    write_peft(R"({"peft_type": "LORA", "r": 2, "lora_alpha": 4)" + settings + "}", tensors);
    return refusal(root_);
  }

  static const AdapterBase kLlama;
  static const std::vector<Stored> kPeftPair, kGgufPair;
  static const std::vector<std::string> kEntries;
  fs::path root_;
};
const AdapterBase AdapterFiles::kLlama{.architecture = "llama", .heads = 2, .kv_heads = 1};
const std::vector<Stored> AdapterFiles::kPeftPair{{"base_model.model.model.layers.3.self_attn.q_proj.lora_A.weight", {2, 5}},
                                                  {"base_model.model.model.layers.3.self_attn.q_proj.lora_B.weight", {8, 2}}};
const std::vector<Stored> AdapterFiles::kGgufPair{{"blk.3.attn_q.weight.lora_a", {2, 5}}, {"blk.3.attn_q.weight.lora_b", {8, 2}}};
const std::vector<std::string> AdapterFiles::kEntries{
    gguf_bytes::text_entry("general.architecture", "llama"), gguf_bytes::text_entry("general.type", "adapter"),
    gguf_bytes::text_entry("adapter.type", "lora"), gguf_bytes::entry("adapter.lora.alpha", 6, gguf_bytes::raw(6.0F))};

TEST_F(AdapterFiles, BothFormsNameMatricesAsGgufDoes) {
  write("adapter.gguf", gguf(kEntries, kGgufPair));
  write_peft(R"({"peft_type": "LORA", "r": 2, "lora_alpha": 6})", kPeftPair);
  for (const fs::path& path : {root_ / "adapter.gguf", root_}) {
    const auto opened = open_adapter(path, kLlama);
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_TRUE(opened->file.warnings.empty());
    ASSERT_EQ(opened->changes.size(), 1U);
    EXPECT_EQ(opened->changes[0].name, "blk.3.attn_q.weight");
    EXPECT_EQ(opened->changes[0].scale, 3);
    EXPECT_EQ(opened->changes[0].a.shape, (std::vector<uint64_t>{2, 5}));
    EXPECT_EQ(opened->changes[0].b.shape, (std::vector<uint64_t>{8, 2}));
  }
}

TEST_F(AdapterFiles, RowsOfPeftsBGoWhereTheModelsOwnWent) {
  write_peft(R"({"peft_type": "LORA", "r": 2})", kPeftPair);
  const auto rows = [&](const AdapterBase& base) {
    const auto opened = open_adapter(root_, base);
    EXPECT_TRUE(opened) << opened.error().message;
    std::vector<float> b(16), first;
    EXPECT_TRUE(opened->file.read(opened->changes[0].b, 0, std::as_writable_bytes(std::span(b))));
    for (size_t row = 0; row < 8; ++row) first.push_back(b[2 * row] / 2);
    return first;
  };
  EXPECT_EQ(rows(kLlama), (std::vector<float>{0, 2, 1, 3, 4, 6, 5, 7}));
  EXPECT_EQ(rows({.architecture = "qwen2", .heads = 2, .kv_heads = 1}), (std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST_F(AdapterFiles, TheScaleIsAlphaByRankOfTheModule) {
  const auto scale = [&](const std::string& settings) {
    write_peft(R"({"peft_type": "LORA")" + settings + "}", kPeftPair);
    const auto opened = open_adapter(root_, kLlama);
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? opened->changes[0].scale : NAN;
  };
  EXPECT_EQ(scale(R"(, "r": 2, "lora_alpha": 4)"), 2);
  EXPECT_EQ(scale(R"(, "r": 2)"), 4) << "PEFT's own alpha is 8";
  EXPECT_EQ(scale(R"(, "r": 2, "lora_alpha": 4, "use_rslora": true)"), 4 / std::sqrt(2.0));
  EXPECT_EQ(scale(R"(, "r": 16, "rank_pattern": {"q_proj": 2}, "lora_alpha": 4)"), 2);
  EXPECT_EQ(scale(R"(, "r": 2, "lora_alpha": 4, "alpha_pattern": {"k_proj": 5, "layers.3.self_attn.q_proj": 10, "q_proj": 7})"), 5);
  EXPECT_EQ(scale(R"(, "r": 2, "lora_alpha": 4, "alpha_pattern": {"^q_proj": 5, "^model.layers.3.self_attn.q_proj": 6})"), 3);
  EXPECT_EQ(scale(R"(, "r": 2, "lora_alpha": 4, "alpha_pattern": {"_proj": 5})"), 2) << "a name ends where a name ends";
}

TEST_F(AdapterFiles, AlphaNullOrNotSaidIsNoScaleInGguf) {
  for (const bool says : {false, true}) {
    std::vector<std::string> entries(kEntries.begin(), kEntries.end() - 1);
    if (says) entries.push_back(gguf_bytes::entry("adapter.lora.alpha", 6, gguf_bytes::raw(0.0F)));
    write("adapter.gguf", gguf(entries, kGgufPair));
    const auto opened = open_adapter(root_ / "adapter.gguf", kLlama);
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ(opened->changes[0].scale, 1);
  }
}

TEST_F(AdapterFiles, OfPeftIsRefusedBySettingWhereItIsMoreThanAAndB) {
  const std::pair<const char*, const char*> rows[] = {
      {R"(, "use_dora": true)", "use_dora is 1; this build runs 0"},
      {R"(, "bias": "all")", "bias is 'all'; this build runs none"},
      {R"(, "lora_bias": true)", "lora_bias is 1; this build runs 0"},
      {R"(, "modules_to_save": ["lm_head"])",
       "modules_to_save is not empty: this build applies low-rank changes and no whole modules or parameters"},
      {R"(, "target_parameters": ["mlp.experts"])",
       "target_parameters is not empty: this build applies low-rank changes and no whole modules or parameters"},
      {R"(, "trainable_token_indices": [1])", "trainable_token_indices is not supported by this build"},
      {R"(, "trainable_token_indices": {"embed_tokens": [1]})", "trainable_token_indices.embed_tokens is not supported by this build"},
      {R"(, "layer_replication": [[0, 1]])", "layer_replication is not supported by this build"},
      {R"(, "alora_invocation_tokens": [5])", "alora_invocation_tokens is not supported by this build"},
      {R"(, "init_lora_weights": "pissa_niter_4")",
       "init_lora_weights is 'pissa_niter_4': the adapter is for other weights than the model's; PEFT can save it for these"},
      {R"(, "rank_pattern": {".*q_proj": 2})", "rank_pattern has the pattern '.*q_proj', this build reads names of modules"},
      {R"(, "rank_pattern": {"q_proj": 0})", "rank_pattern.q_proj is 0, expected at least 1"},
      {R"(, "alpha_pattern": 3)", "alpha_pattern is not supported by this build"},
      {R"(, "rank_pattern": {"q_proj": 3})",
       "tensor 'base_model.model.model.layers.3.self_attn.q_proj.lora_A.weight': 2 rows, and adapter_config.json gives it rank 3"},
  };
  for (const auto& [settings, message] : rows) EXPECT_EQ(refusal_of_peft(settings), message);
  EXPECT_EQ(refusal_of_peft(R"(, "modules_to_save": [], "use_dora": false, "init_lora_weights": "gaussian", "layers_to_transform": [1])"),
            "opened");
  write_peft(R"({"peft_type": "IA3"})", kPeftPair);
  EXPECT_EQ(refusal(root_), "peft_type is 'IA3'; this build runs LORA");
  write_peft("{}", kPeftPair);
  EXPECT_NE(refusal(root_).find("peft_type"), std::string::npos);
  fs::remove(root_ / "adapter_config.json");
  EXPECT_EQ(refusal(root_), "no such file; an adapter's directory has adapter_config.json and adapter_model.safetensors");
}

TEST_F(AdapterFiles, OfPeftIsRefusedByTensorWhereThatIsNoPartOfAChange) {
  const std::string q = "base_model.model.model.layers.0.self_attn.q_proj",
                    end = " is no part of a low-rank change, NAME.lora_A.weight or NAME.lora_B.weight";
  const std::pair<std::vector<Stored>, std::string> rows[] = {
      {{{q + ".lora_magnitude_vector", {8}}}, "tensor '" + q + ".lora_magnitude_vector'" + end},
      {{{q + ".lora_B.bias", {8}}}, "tensor '" + q + ".lora_B.bias'" + end},
      {{{"base_model.model.model.embed_tokens.lora_embedding_A", {2, 8}}},
       "tensor 'base_model.model.model.embed_tokens.lora_embedding_A'" + end},
      {{{"base_model.model.lm_head.weight", {8, 8}}}, "tensor 'base_model.model.lm_head.weight'" + end},
      {{{"base_model.model.model.layers.0.mlp.fc1.lora_A.weight", {2, 8}}},
       "tensor 'base_model.model.model.layers.0.mlp.fc1.lora_A.weight': llama has no such module"},
      {{{q + ".lora_A.weight", {2, 8}}}, "blk.0.attn_q.weight has a part A and no B"},
      {{{q + ".lora_B.weight", {8, 2}}}, "blk.0.attn_q.weight has a part B and no A"},
      {{{q + ".lora_A.weight", {2, 8}}, {q + ".lora_B.weight", {8, 3}}}, "blk.0.attn_q.weight: A is of rank 2, B of 3"},
      {{{q + ".lora_A.weight", {2}}}, "tensor '" + q + ".lora_A.weight': shape [2], expected two dimensions, neither of them 0"},
      {{{q + ".lora_B.weight", {6, 2}}}, "tensor '" + q + ".lora_B.weight': shape [6, 2] is not 2 heads of an even size"},
      {{{q + ".lora_A.weight", {2, 8}}, {"model.layers.0.self_attn.q_proj.lora_A.weight", {2, 8}}},
       "tensors '" + q + ".lora_A.weight' and 'model.layers.0.self_attn.q_proj.lora_A.weight' are the same part"},
      {{}, "an adapter without tensors"},
  };
  for (const auto& [tensors, message] : rows) EXPECT_EQ(refusal_of_peft("", tensors), message);
  write("adapter_model.safetensors", "not a safetensors file");
  EXPECT_NE(refusal(root_), "opened");
  write_peft(R"({"peft_type": "LORA", "r": 2})", {{"base_model.model.model.layers.0.mlp.experts.4.up_proj.lora_A.weight", {2, 8}}});
  EXPECT_EQ(
      refusal(root_, {.architecture = "qwen3moe", .heads = 2, .kv_heads = 1}),
      "tensor 'base_model.model.model.layers.0.mlp.experts.4.up_proj.lora_A.weight' changes an expert; this build applies adapters to "
      "the layers that all tokens pass");
}

TEST_F(AdapterFiles, OfGgufIsRefusedByKeyOrTensor) {
  const auto with = [](size_t at, const std::string& entry) {
    std::vector<std::string> entries = kEntries;
    entries[at] = entry;
    return entries;
  };
  EXPECT_EQ(refusal_of_gguf(with(0, gguf_bytes::text_entry("general.architecture", "qwen2")), kGgufPair),
            "an adapter of qwen2, and the model is of llama");
  EXPECT_EQ(refusal_of_gguf(with(1, gguf_bytes::text_entry("general.type", "model")), kGgufPair),
            "general.type is 'model'; this build opens files of type 'adapter' here");
  EXPECT_EQ(refusal_of_gguf(with(2, gguf_bytes::text_entry("adapter.type", "control_vector")), kGgufPair),
            "adapter.type is 'control_vector', this build reads lora");
  EXPECT_EQ(refusal_of_gguf(with(3, gguf_bytes::array_entry("adapter.alora.invocation_tokens", 4, 1, gguf_bytes::u32(5))), kGgufPair),
            "adapter.alora.invocation_tokens is not supported by this build");
  EXPECT_EQ(refusal_of_gguf(kEntries, {{"blk.0.attn_norm.weight", {8}}}),
            "tensor 'blk.0.attn_norm.weight' is no part of a low-rank change, NAME.lora_a or NAME.lora_b");
  EXPECT_EQ(refusal_of_gguf(kEntries, {{"blk.0.ffn_up_exps.weight.lora_a", {4, 2, 8}}}),
            "tensor 'blk.0.ffn_up_exps.weight.lora_a' changes experts; this build applies adapters to the layers that all tokens pass");
  EXPECT_EQ(refusal_of_gguf(kEntries, {{"blk.0.attn_q.weight.lora_a", {1025, 2}}, {"blk.0.attn_q.weight.lora_b", {2, 1025}}}),
            "blk.0.attn_q.weight is of rank 1025, at most 1024");
  EXPECT_EQ(refusal_of_gguf(kEntries, {}), "an adapter without tensors");
}

}  // namespace
}  // namespace halfbyte
