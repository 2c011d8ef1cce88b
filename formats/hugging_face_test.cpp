#include "formats/hugging_face.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>

#include "base/file.h"
#include "formats/gguf_bytes.h"
#include "formats/safetensors_samples.h"

namespace halfbyte {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLlama = R"({"model_type": "llama", "vocab_size": 8, "hidden_size": 16, "intermediate_size": 24,
  "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "tie_word_embeddings": true,
  "bos_token_id": 1, "eos_token_id": 2)";

// Tensors of float32 values 0, 1, 2, ..., each counting on from the one before.
class SafetensorsWriter {
 public:
  SafetensorsWriter& add(const std::string& name, const std::vector<uint64_t>& shape, const std::string& dtype = "F32") {
    const uint64_t values = std::accumulate(shape.begin(), shape.end(), uint64_t{1}, std::multiplies<>());
    const size_t begin = data_.size();
    for (uint64_t i = 0; i < values; ++i) data_ += gguf_bytes::raw(next_++);
    std::string dimensions;
    for (const uint64_t d : shape) dimensions += (dimensions.empty() ? "" : ",") + std::to_string(d);
    header_ += (header_.empty() ? "\"" : ",\"") + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":[" + dimensions +
               "],\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(data_.size()) + "]}";
    return *this;
  }
  std::string bytes() const { return safetensors_file("{" + header_ + "}", data_); }

 private:
  std::string header_, data_;
  float next_ = 0;
};

// A folder of its own for each test, removed at the end.
class HuggingFace : public testing::Test {
 protected:
  HuggingFace() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    root_ = fs::path(testing::TempDir()) / (std::string("halfbyte-") + test->name());
    folder_ = root_ / "model";
    fs::remove_all(root_);
    fs::create_directories(folder_);
  }
  ~HuggingFace() override { fs::remove_all(root_); }

  void write(const std::string& name, std::string_view bytes) const { std::ofstream(folder_ / name, std::ios::binary) << bytes; }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  // A llama's config.json with these members added; weights: one embedding table.
  void write_llama(const std::string& members = {}) const {
    write("config.json", std::string(kLlama) + (members.empty() ? "" : ", " + members) + "}");
    write("model.safetensors", SafetensorsWriter().add("model.embed_tokens.weight", {8, 16}).bytes());
  }
  void write_config(const std::string& config) const {
    write("config.json", config);
    write("model.safetensors", SafetensorsWriter().add("embed_tokens.weight", {8, 16}).bytes());
  }

  Checkpoint opened() const {
    auto checkpoint = open_checkpoint(folder_);
    EXPECT_TRUE(checkpoint) << checkpoint.error().message;
    return checkpoint ? std::move(*checkpoint) : Checkpoint();
  }
  std::string refusal() const {
    const auto checkpoint = open_checkpoint(folder_);
    EXPECT_FALSE(checkpoint);
    return checkpoint ? std::string() : checkpoint.error().message;
  }
  static std::vector<float> values(const Checkpoint& checkpoint, std::string_view name) {
    const TensorLocation* tensor = checkpoint.find(name);
    if (tensor == nullptr) return {};
    std::vector<float> out(tensor->bytes / sizeof(float));
    EXPECT_TRUE(checkpoint.read(*tensor, 0, std::as_writable_bytes(std::span(out))));
    return out;
  }

  fs::path root_, folder_;
};

MetadataValue number(uint64_t n) { return n; }

}  // namespace

TEST_F(HuggingFace, AConfigBecomesGgufsKeys) {
  write_llama(R"("rope_scaling": {"type": "linear", "factor": 2}, "rope_theta": 5e5)");
  const Checkpoint checkpoint = opened();
  const Metadata& m = checkpoint.metadata;
  EXPECT_EQ(m.path(), folder_.string());
  const std::pair<const char*, MetadataValue> expected[] = {
      {"general.architecture", std::string("llama")},
      {"general.name", std::string("model")},
      {"llama.vocab_size", number(8)},
      {"llama.block_count", number(1)},
      {"llama.attention.head_count_kv", number(2)},
      {"llama.attention.key_length", number(8)},
      {"llama.attention.layer_norm_rms_epsilon", double{1e-5F}},
      {"llama.rope.freq_base", 5e5},
      {"llama.rope.scaling.type", std::string("linear")},
      {"llama.rope.scaling.factor", 2.0},
      {"tokenizer.ggml.bos_token_id", number(1)},
      {"tokenizer.ggml.model", std::string("no_vocab")},
  };
  for (const auto& [key, value] : expected) {
    ASSERT_TRUE(m.contains(key)) << key;
    EXPECT_EQ(*m.find(key), value) << key;
  }
  EXPECT_TRUE(checkpoint.warnings.empty());
}

TEST_F(HuggingFace, BothFormsOfRopeSettingsSayTheSame) {
  write_llama(R"("rope_theta": 20000, "rope_scaling": {"type": "yarn", "factor": 4, "original_max_position_embeddings": 32})");
  const auto old_form = opened().metadata.all();
  write_llama(R"("rope_parameters": {"rope_type": "yarn", "rope_theta": 20000, "factor": 4.0, "original_max_position_embeddings": 32})");
  EXPECT_EQ(opened().metadata.all(), old_form);
  EXPECT_EQ(old_form.at("llama.rope.scaling.original_context_length"), number(32));
}

TEST_F(HuggingFace, Llama3RopeBecomesATensorOfFactors) {
  write_llama(R"("rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4,
                                 "original_max_position_embeddings": 1024})");
  const auto factors = values(opened(), "rope_freqs.weight");
  ASSERT_EQ(factors.size(), 4U);
  EXPECT_EQ(factors.front(), 1.0F);
  EXPECT_EQ(factors.back(), 8.0F);  // a wave of 2 pi 1000 positions
  EXPECT_GT(factors[2], 1.0F);
  EXPECT_LT(factors[2], 8.0F);
}

TEST_F(HuggingFace, LlamaRowsOfQueriesAndKeysGoFromHalvesToPairs) {
  write_llama(R"("attention_bias": true)");
  write("model.safetensors", SafetensorsWriter()
                                 .add("model.layers.0.self_attn.q_proj.weight", {16, 1})
                                 .add("model.layers.0.self_attn.k_proj.bias", {8})
                                 .add("model.layers.0.self_attn.v_proj.weight", {4, 1})
                                 .bytes());
  const Checkpoint checkpoint = opened();
  // Two heads of 8 rows each.
  EXPECT_EQ(values(checkpoint, "blk.0.attn_q.weight"), (std::vector<float>{0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15}));
  EXPECT_EQ(values(checkpoint, "blk.0.attn_k.bias"), (std::vector<float>{16, 18, 17, 19, 20, 22, 21, 23}));
  EXPECT_EQ(values(checkpoint, "blk.0.attn_v.weight"), (std::vector<float>{24, 25, 26, 27}));
  // A part of a turned tensor is the same part of the whole.
  float two[2] = {};
  ASSERT_TRUE(checkpoint.read(*checkpoint.find("blk.0.attn_q.weight"), 36, std::as_writable_bytes(std::span(two))));
  EXPECT_EQ(two[0], 12.0F);
  EXPECT_EQ(two[1], 9.0F);
  std::byte part_of_a_row[2];
  EXPECT_FALSE(checkpoint.read(*checkpoint.find("blk.0.attn_q.weight"), 0, part_of_a_row));
}

TEST_F(HuggingFace, Gpt2MatricesAreTransposedAndItsBiasesAreNot) {
  write("config.json", R"({"model_type": "gpt2", "vocab_size": 8, "n_embd": 2, "n_head": 1, "n_layer": 1, "n_positions": 16,
                           "layer_norm_epsilon": 1e-5, "n_inner": null})");
  write("model.safetensors", SafetensorsWriter()
                                 .add("transformer.h.0.attn.c_attn.weight", {2, 6})
                                 .add("h.0.attn.c_attn.bias", {6})
                                 .add("h.0.attn.bias", {1, 1, 16, 16})
                                 .bytes());
  const Checkpoint checkpoint = opened();
  EXPECT_EQ(*checkpoint.metadata.find("gpt2.feed_forward_length"), number(8));
  ASSERT_EQ(checkpoint.tensors.size(), 2U);  // not the causal mask
  EXPECT_EQ(checkpoint.find("blk.0.attn_qkv.weight")->shape, (std::vector<uint64_t>{6, 2}));
  EXPECT_EQ(values(checkpoint, "blk.0.attn_qkv.weight"), (std::vector<float>{0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11}));
  EXPECT_EQ(values(checkpoint, "blk.0.attn_qkv.bias"), (std::vector<float>{12, 13, 14, 15, 16, 17}));
  float rows[4] = {};
  ASSERT_TRUE(checkpoint.read(checkpoint.tensors[0], 16, std::as_writable_bytes(std::span(rows))));
  EXPECT_EQ(std::vector<float>(rows, rows + 4), (std::vector<float>{2, 8, 3, 9}));
}

TEST_F(HuggingFace, GemmaNormsAreOnePlusWhatIsStored) {
  write("config.json", R"({"model_type": "gemma3", "text_config": {"model_type": "gemma3_text", "hidden_size": 16, "intermediate_size": 24,
    "num_hidden_layers": 7, "sliding_window": 12, "rope_scaling": {"rope_type": "linear", "factor": 8.0}}, "eos_token_id": [1, 106]})");
  write("model.safetensors",
        SafetensorsWriter().add("language_model.model.norm.weight", {3}).add("vision_tower.patch.weight", {2, 2}, "F32").bytes());
  const Checkpoint checkpoint = opened();
  EXPECT_EQ(values(checkpoint, "output_norm.weight"), (std::vector<float>{1, 2, 3}));
  EXPECT_EQ(checkpoint.tensors.size(), 1U);
  const Metadata& m = checkpoint.metadata;
  EXPECT_EQ(*m.find("gemma3.attention.key_length"), number(256));  // the family's own
  EXPECT_EQ(*m.find("gemma3.attention.sliding_window_pattern"), number(6));
  EXPECT_EQ(*m.find("gemma3.rope.freq_base"), MetadataValue(1e6));
  EXPECT_EQ(*m.find("gemma3.rope.freq_base_swa"), MetadataValue(1e4));
  EXPECT_EQ(*m.find("gemma3.attention.scale"), MetadataValue(0.0625));
  EXPECT_EQ(*m.find("tokenizer.ggml.eos_token_id"), number(1));
  EXPECT_EQ(*m.find("tokenizer.ggml.eos_token_ids"), MetadataValue(std::vector<int64_t>{1, 106}));
}

TEST_F(HuggingFace, ATiedModelsCopyOfTheEmbeddingIsLeftOutAndAMissingHeadIsRefused) {
  write_llama();
  const auto weights = SafetensorsWriter().add("model.embed_tokens.weight", {8, 16}).add("lm_head.weight", {8, 16});
  write("model.safetensors", weights.bytes());
  EXPECT_EQ(opened().tensors.size(), 1U);
  std::string config(kLlama);
  config.replace(config.find("true"), 4, "false");
  write("config.json", config + "}");
  EXPECT_EQ(opened().tensors.size(), 2U);
  write("model.safetensors", SafetensorsWriter().add("model.embed_tokens.weight", {8, 16}).bytes());
  EXPECT_EQ(refusal(), folder_.string() + ": tie_word_embeddings is false, but there is no lm_head.weight");
}

TEST_F(HuggingFace, WhatWouldChangeTheFormulaIsRefusedByName) {
  const std::string where = path("config.json") + ": ";
  const std::pair<const char*, const char*> rows[] = {
      {R"("hidden_act": "relu")", "hidden_act is 'relu', this build runs llama with silu"},
      {R"("attn_logit_softcapping": 50.0)", "attn_logit_softcapping is 50; this build runs 0"},
      {R"("quantization_config": {"quant_method": "gptq"})",
       "quantization_config: weights quantized with 'gptq'; this build reads F32, F16 and BF16 here"},
      {R"("rope_scaling": {"type": "dynamic", "factor": 2})",
       "rope_scaling.rope_type is 'dynamic'; this build runs default, linear, yarn, and llama3 for llama"},
      {R"("rope_scaling": {"rope_type": "yarn", "factor": 2, "mscale": 0.7})",
       "not applied, for this build does not know them: rope_scaling.mscale"},
      {R"("rope_scaling": {"rope_type": "yarn", "factor": 2, "truncate": false})", "rope_scaling.truncate is 0; this build runs 1"},
      {R"("rope_scaling": {"factor": 2}, "rope_parameters": {"factor": 2})",
       "rope_parameters and rope_scaling: this build reads one of them"},
      {R"("rope_scaling": "linear")", "rope_scaling is not supported by this build"},
      {R"("partial_rotary_factor": 0.5)", "partial_rotary_factor is 0.5; this build runs 1"},
      {R"("residual_multiplier": 0.22)", "residual_multiplier is 0.22; this build runs 0 or 1"},
      {R"("num_local_experts": 8)", "num_local_experts is 8; this build runs 0 or 1"},
      {R"("quantization": {"bits": 4, "group_size": 64})", "quantization.bits is not supported by this build"},
      {R"("rope_theta": Infinity)", "key 'rope_theta': must be finite and > 0, found inf"},
      {R"("layer_types": ["full_attention", 1])", "key 'layer_types': expected array of strings, found string"},
      {R"("rope_scaling": {"rope_type": "linear", "factor": 0})", "key 'rope_scaling.factor': must be finite and > 0, found 0"},
      {R"("num_key_value_heads": "2")", "key 'num_key_value_heads': expected unsigned integer, found string"},
      {R"("layer_types": ["linear_attention"])",
       "layer_types[0] is 'linear_attention', this build runs sliding_attention and full_attention"},
      {R"("layer_types": [])", "layer_types has 0 entries, num_hidden_layers is 1"},
  };
  for (const auto& [member, message] : rows) {
    write_llama(member);
    EXPECT_EQ(refusal(), where + message) << member;
  }
  write_config(R"({"model_type": "nosuch"})");
  EXPECT_EQ(
      refusal(),
      where +
          "model_type 'nosuch'; this build runs llama, mistral, qwen2, qwen3, qwen3_moe, gemma3_text, gpt2, and the text side of gemma3");
  write_config("{}");
  EXPECT_EQ(refusal(), where + "required key 'model_type' is missing");
  write_config("[]");
  EXPECT_EQ(refusal(), where + "not a JSON object");
}

TEST_F(HuggingFace, SettingsOfOtherThingsAreTakenAndUnknownOnesNamedInAWarning) {
  write_llama(R"("architectures": ["LlamaForCausalLM"], "pretraining_tp": 2, "id2label": {"0": "A"}, "attention_multiplier": null,
                 "residual_multiplier": 1.0, "partial_rotary_factor": 1, "use_cache": true, "torch_dtype": "bfloat16")");
  EXPECT_EQ(opened().warnings, std::vector<std::string>());
  write_llama(R"("time_step_limit": [0.0, Infinity], "nosuch": {"a": NaN})");
  EXPECT_EQ(opened().warnings,
            std::vector<std::string>{path("config.json") + ": not applied, for this build does not know them: nosuch.a, time_step_limit"});
}

TEST_F(HuggingFace, NumbersOfAConfigMayBeWrittenInAnyWay) {
  write_config(R"({"model_type": "llama", "vocab_size": 8.0, "hidden_size": 16, "intermediate_size": [24, 24], "num_hidden_layers": 1,
    "num_attention_heads": 2.0, "max_position_embeddings": 64, "rms_norm_eps": 1, "tie_word_embeddings": 1, "rope_theta": 20000})");
  const Checkpoint checkpoint = opened();
  EXPECT_EQ(*checkpoint.metadata.find("llama.vocab_size"), number(8));
  EXPECT_EQ(*checkpoint.metadata.find("llama.feed_forward_length"), number(24));
  EXPECT_EQ(*checkpoint.metadata.find("llama.attention.head_count"), number(2));
}

TEST_F(HuggingFace, ABiasThatTheConfigDoesNotAskForIsRefused) {
  const auto with_tensor = [&](const char* tensor) {
    write("model.safetensors", SafetensorsWriter().add(std::string("model.layers.0.") + tensor, {16}).bytes());
    return folder_.string() + ": tensor 'model.layers.0." + tensor + "' is a bias, but config.json does not say ";
  };
  write_llama();
  const std::string attention = with_tensor("self_attn.o_proj.bias") + "attention_bias is true";
  EXPECT_EQ(refusal(), attention);
  const std::string feed_forward = with_tensor("mlp.up_proj.bias") + "mlp_bias is true";
  EXPECT_EQ(refusal(), feed_forward);
  write_llama(R"("attention_bias": true)");
  with_tensor("self_attn.o_proj.bias");
  EXPECT_EQ(opened().tensors.size(), 1U);
}

TEST_F(HuggingFace, YarnsBoundsAreHandedOn) {
  write_llama(R"("rope_scaling": {"rope_type": "yarn", "factor": 2, "beta_fast": 16, "beta_slow": 2, "truncate": true})");
  EXPECT_EQ(*opened().metadata.float_or("llama.rope.scaling.yarn_beta_fast", 0), 16);
  EXPECT_EQ(*opened().metadata.float_or("llama.rope.scaling.yarn_beta_slow", 0), 2);
}

TEST_F(HuggingFace, AQwenWhoseLayersHaveAWindowIsRefused) {
  const std::string qwen = R"({"model_type": "qwen2", "vocab_size": 8, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
    "num_attention_heads": 2, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "tie_word_embeddings": true, "sliding_window": 16,)";
  write_config(qwen + R"("use_sliding_window": false, "max_window_layers": 1})");
  EXPECT_FALSE(opened().metadata.contains("qwen2.attention.sliding_window"));
  write_config(qwen + R"("use_sliding_window": true, "max_window_layers": 2})");
  EXPECT_FALSE(opened().metadata.contains("qwen2.attention.sliding_window"));
  write_config(qwen + R"("use_sliding_window": true, "max_window_layers": 1})");
  EXPECT_EQ(refusal(), path("config.json") + ": the layers with a sliding window are not those that this build's qwen2 has");
}

constexpr std::string_view kMixture = R"({"model_type": "qwen3_moe", "vocab_size": 8, "hidden_size": 16, "intermediate_size": 24,
  "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "tie_word_embeddings": true,
  "num_experts_per_tok": 2, "moe_intermediate_size": 3)";

TEST_F(HuggingFace, TheMatricesOfALayersExpertsAreOneTensor) {
  write("config.json", std::string(kMixture) + R"(, "num_experts": 3, "norm_topk_prob": true, "mlp_only_layers": []})");
  write("model.safetensors", SafetensorsWriter()
                                 .add("model.layers.0.mlp.gate.weight", {3, 1})
                                 .add("model.layers.0.mlp.experts.2.up_proj.weight", {2, 2})
                                 .add("model.layers.0.mlp.experts.0.up_proj.weight", {2, 2})
                                 .add("model.layers.0.mlp.experts.1.up_proj.weight", {2, 2})
                                 .bytes());
  const Checkpoint checkpoint = opened();
  EXPECT_EQ(*checkpoint.metadata.find("qwen3moe.expert_count"), number(3));
  EXPECT_EQ(*checkpoint.metadata.find("qwen3moe.expert_used_count"), number(2));
  EXPECT_EQ(*checkpoint.metadata.find("qwen3moe.expert_feed_forward_length"), number(3));
  EXPECT_EQ(values(checkpoint, "blk.0.ffn_gate_inp.weight"), (std::vector<float>{0, 1, 2}));
  EXPECT_EQ(values(checkpoint, "blk.0.ffn_up_exps.weight"), (std::vector<float>{7, 8, 9, 10, 11, 12, 13, 14, 3, 4, 5, 6}));
  const TensorLocation& tensor = *checkpoint.find("blk.0.ffn_up_exps.weight");
  EXPECT_EQ(tensor.shape, (std::vector<uint64_t>{3, 2, 2}));
  float across[6] = {};
  ASSERT_TRUE(checkpoint.read(tensor, 3 * sizeof(float), std::as_writable_bytes(std::span(across))));
  EXPECT_EQ(std::vector<float>(across, across + 6), (std::vector<float>{10, 11, 12, 13, 14, 3}));
}

TEST_F(HuggingFace, ExpertsThatAreNotAllThereOrNotAlikeAreRefused) {
  write("config.json", std::string(kMixture) + R"(, "num_local_experts": 2, "norm_topk_prob": true})");
  const auto refused = [&](SafetensorsWriter weights) {
    write("model.safetensors", weights.bytes());
    return refusal();
  };
  const std::string expert = "model.layers.0.mlp.experts.", where = folder_.string() + ": ";
  const SafetensorsWriter first = SafetensorsWriter().add(expert + "0.down_proj.weight", {2, 2});
  EXPECT_EQ(refused(first), where + "blk.0.ffn_down_exps.weight of expert 1 is missing");
  EXPECT_EQ(refused(SafetensorsWriter(first).add(expert + "1.down_proj.weight", {2, 3})),
            where + "blk.0.ffn_down_exps.weight of expert 1 is F32 [2, 3], expected F32 [2, 2] as of expert 0");
  EXPECT_EQ(refused(SafetensorsWriter(first).add(expert + "1.down_proj.weight", {2, 2}).add(expert + "2.down_proj.weight", {2, 2})),
            where + "blk.0.ffn_down_exps.weight of 3 experts, expected 2");
  EXPECT_EQ(refused(SafetensorsWriter(first).add("layers.0.mlp.experts.0.down_proj.weight", {2, 2})),
            where + "tensors '" + expert + "0.down_proj.weight' and 'layers.0.mlp.experts.0.down_proj.weight' are the same weight, " +
                "blk.0.ffn_down_exps.weight of expert 0");
}

TEST_F(HuggingFace, AMixtureOfAnotherFormulaIsRefused) {
  const std::string where = path("config.json") + ": ", mixture = std::string(kMixture) + R"(, "num_experts": 4, )";
  write_config(mixture + R"("norm_topk_prob": false})");
  EXPECT_EQ(refusal(), where + "norm_topk_prob is not true, which this build needs");
  write_config(mixture + R"("norm_topk_prob": true, "decoder_sparse_step": 2})");
  EXPECT_EQ(refusal(), where + "decoder_sparse_step is 2, this build runs 1");
  write_config(mixture + R"("norm_topk_prob": true, "mlp_only_layers": [0]})");
  EXPECT_EQ(refusal(), where + "mlp_only_layers is not empty, which this build needs");
}

TEST_F(HuggingFace, TensorsItCannotUseAreRefusedOrWarnedOf) {
  write_llama();
  write("model.safetensors", SafetensorsWriter().add("model.norm.weight", {4}, "I32").bytes());
  EXPECT_EQ(refusal(), folder_.string() + ": tensor 'model.norm.weight' is I32; this build reads F32, F16 and BF16 here");
  write("model.safetensors", SafetensorsWriter().add("model.norm.weight", {4}).add("norm.weight", {4}).bytes());
  EXPECT_EQ(refusal(), folder_.string() + ": tensors 'model.norm.weight' and 'norm.weight' are the same weight, output_norm.weight");
  write("model.safetensors", SafetensorsWriter().add("model.norm.weight", {}).bytes());
  EXPECT_EQ(refusal(), folder_.string() + ": tensor 'model.norm.weight': shape [], expected 1 to 4 dimensions, none of them 0");
  write("model.safetensors", SafetensorsWriter().add("model.layers.0.self_attn.q_proj.weight", {6, 2}).bytes());
  EXPECT_EQ(refusal(), folder_.string() + ": tensor 'model.layers.0.self_attn.q_proj.weight': 6 rows are not 2 heads of an even size");
  write("model.safetensors", SafetensorsWriter().add("model.layers.00.mlp.up_proj.weight", {4, 4}, "I32").bytes());
  EXPECT_EQ(opened().warnings, std::vector<std::string>{folder_.string() + ": tensor 'model.layers.00.mlp.up_proj.weight' is not used"});
}

TEST_F(HuggingFace, HandsTheTokenizerOver) {
  write_llama();
  write("tokenizer.json", "{\"version\": \"1.0\"}");
  write("tokenizer_config.json", R"({"add_bos_token": true, "chat_template": [{"name": "tool_use", "template": "T"},
                                     {"name": "default", "template": "D"}]})");
  write("generation_config.json", R"({"eos_token_id": [3, 4], "bos_token_id": 9})");
  const Checkpoint checkpoint = opened();
  const Metadata& m = checkpoint.metadata;
  EXPECT_EQ(*m.text("tokenizer.huggingface.json"), "{\"version\": \"1.0\"}");
  EXPECT_FALSE(m.contains("tokenizer.ggml.model"));
  EXPECT_EQ(*m.text("tokenizer.chat_template"), "D");
  EXPECT_EQ(*m.text("tokenizer.chat_template.tool_use"), "T");
  EXPECT_EQ(*m.find("tokenizer.ggml.add_bos_token"), MetadataValue(true));
  EXPECT_EQ(*m.find("tokenizer.ggml.bos_token_id"), number(1));  // config.json's: the other is none
  EXPECT_EQ(*m.find("tokenizer.ggml.eos_token_id"), number(3));
  EXPECT_EQ(*m.find("tokenizer.ggml.eos_token_ids"), MetadataValue(std::vector<int64_t>{3, 4, 2}));
  EXPECT_EQ(checkpoint.warnings, std::vector<std::string>{folder_.string() + ": bos_token_id 9 is outside the vocabulary of 8: left out"});
  write("chat_template.jinja", "J");
  EXPECT_EQ(*opened().metadata.text("tokenizer.chat_template"), "J");
  EXPECT_FALSE(opened().metadata.contains("tokenizer.chat_template.tool_use"));
  std::filesystem::create_directory(folder_ / "additional_chat_templates");
  write("additional_chat_templates/tool_use.jinja", "K");
  EXPECT_EQ(*opened().metadata.text("tokenizer.chat_template.tool_use"), "K");
}

TEST_F(HuggingFace, TextsOfSpecialTokensComeFromTheTokenizersFiles) {
  write_llama();
  const auto texts = [&](const char* config, const char* map) {
    write("tokenizer_config.json", config);
    write("special_tokens_map.json", map);
    const Checkpoint checkpoint = opened();
    const auto text = [&](const char* key) {
      const auto found = checkpoint.metadata.text_or(key, "unsaid");
      return found ? *found : "refused";
    };
    return text("tokenizer.huggingface.bos_token") + " " + text("tokenizer.huggingface.eos_token");
  };
  EXPECT_EQ(texts("{}", "{}"), "unsaid unsaid");
  EXPECT_EQ(texts(R"({"bos_token": null, "eos_token": {"content": "</s>", "lstrip": false}})", "{}"), " </s>");
  EXPECT_EQ(texts(R"({"bos_token": "<a>", "eos_token": "<b>"})", R"({"eos_token": "<c>"})"), "<a> <c>");
  EXPECT_EQ(texts(R"({"eos_token": "<b>", "added_tokens_decoder": {}})", R"({"bos_token": "<c>", "eos_token": "<c>"})"), "unsaid <b>");
  write("tokenizer_config.json", R"({"eos_token": 2})");
  EXPECT_EQ(refusal(), path("tokenizer_config.json") + ": eos_token: expected a string, an object with one as content, or null");
}

TEST_F(HuggingFace, WhatTheTokenizersFilesSayInAnotherTypeIsTakenOrRefused) {
  write_llama();
  write("tokenizer_config.json", R"({"add_bos_token": 1, "add_eos_token": false})");
  write("generation_config.json", R"({"eos_token_id": 3.0, "temperature": 0.6, "top_p": 0.9})");
  const Checkpoint checkpoint = opened();
  EXPECT_EQ(*checkpoint.metadata.find("tokenizer.ggml.add_bos_token"), MetadataValue(true));
  EXPECT_EQ(*checkpoint.metadata.find("tokenizer.ggml.add_eos_token"), MetadataValue(false));
  EXPECT_EQ(*checkpoint.metadata.find("tokenizer.ggml.eos_token_id"), number(3));
  EXPECT_EQ(checkpoint.warnings, std::vector<std::string>{path("generation_config.json") +
                                                          ": not applied, for this build does not know them: temperature, top_p"});
  write("generation_config.json", R"({"eos_token_id": "3"})");
  EXPECT_EQ(refusal(), path("generation_config.json") + ": key 'eos_token_id': expected array of integers, found string");
}

TEST_F(HuggingFace, OpensByDirectoryByFileAndByIndex) {
  write_llama();
  EXPECT_TRUE(open_checkpoint(folder_ / "model.safetensors"));
  fs::rename(folder_ / "model.safetensors", folder_ / "part-1.safetensors");
  EXPECT_EQ(refusal(), path("model.safetensors") + ": no such file");
  write("model.safetensors.index.json", R"({"weight_map": {"model.embed_tokens.weight": "part-1.safetensors"}})");
  EXPECT_EQ(opened().tensors.size(), 1U);
  EXPECT_TRUE(open_checkpoint(folder_ / "model.safetensors.index.json"));
  EXPECT_TRUE(open_checkpoint(folder_ / "part-1.safetensors"));
  fs::remove(folder_ / "config.json");
  EXPECT_EQ(refusal(), path("config.json") + ": no such file; a checkpoint's directory has config.json and model.safetensors");
}

TEST_F(HuggingFace, AShardIndexIsTakenAtItsWord) {
  write("config.json", std::string(kLlama) + "}");
  write("a.safetensors", SafetensorsWriter().add("model.embed_tokens.weight", {8, 16}).bytes());
  write("b.safetensors", SafetensorsWriter().add("model.norm.weight", {16}).add("extra", {1}).bytes());
  const auto index = [&](const std::string& map) { write("model.safetensors.index.json", "{\"weight_map\": {" + map + "}}"); };
  const std::string embedding = R"("model.embed_tokens.weight": "a.safetensors")", norm = R"("model.norm.weight": "b.safetensors")";
  index(embedding + "," + norm);
  const Checkpoint checkpoint = opened();
  EXPECT_EQ(checkpoint.files.size(), 2U);
  EXPECT_EQ(checkpoint.tensors.size(), 2U);
  EXPECT_EQ(values(checkpoint, "output_norm.weight")[15], 15.0F);
  EXPECT_EQ(checkpoint.warnings, std::vector<std::string>{path("b.safetensors") + ": tensor 'extra' is not in the index"});

  const std::string at = path("model.safetensors.index.json") + ": ";
  index(embedding + R"(, "model.norm.weight": "a.safetensors")");
  EXPECT_EQ(refusal(), at + "tensor 'model.norm.weight' is not in a.safetensors");
  index(norm + R"(, "model.embed_tokens.weight": "b.safetensors")");
  EXPECT_EQ(refusal(), at + "tensor 'model.embed_tokens.weight' is not in b.safetensors");
  write("b.safetensors", SafetensorsWriter().add("model.norm.weight", {16}).add("model.embed_tokens.weight", {8, 16}).bytes());
  index(embedding + "," + norm);
  EXPECT_EQ(refusal(), path("b.safetensors") + ": tensor 'model.embed_tokens.weight': the index has it in a.safetensors");
  index(R"("model.norm.weight": "c.safetensors")");
  EXPECT_EQ(refusal(), path("c.safetensors") + ": no such file");
  write("model.safetensors.index.json", "{}");
  EXPECT_EQ(refusal(), at + "weight_map is missing or not an object");
  index(R"("a": "model.bin")");
  EXPECT_EQ(refusal(), at + "weight_map: 'a' is not mapped to a .safetensors file");
}

TEST_F(HuggingFace, NoFileOutsideTheDirectoryIsOpened) {
  write("config.json", std::string(kLlama) + "}");
  std::ofstream(root_ / "out.safetensors", std::ios::binary) << SafetensorsWriter().add("model.norm.weight", {16}).bytes();
  const std::string names[] = {"../out.safetensors", (root_ / "out.safetensors").string(), ".safetensors", "a b.safetensors",
                               "x/y.safetensors"};
  for (const std::string& name : names) {
    write("model.safetensors.index.json", R"({"weight_map": {"model.norm.weight": ")" + name + "\"}}");
    EXPECT_EQ(refusal(), folder_.string() + ": '" + name + "' is not the name of a file of a checkpoint");
  }
  fs::create_symlink("../out.safetensors", folder_ / "model.safetensors");
  EXPECT_EQ(refusal(), path("model.safetensors") + ": links to a file outside its directory");
}

TEST_F(HuggingFace, ASnapshotOfACacheMayLinkToItsBlobs) {
  const fs::path snapshot = root_ / "snapshots" / "0123abcd";
  fs::create_directories(snapshot);
  fs::create_directories(root_ / "blobs");
  std::ofstream(root_ / "blobs" / "1", std::ios::binary) << kLlama << "}";
  std::ofstream(root_ / "blobs" / "2", std::ios::binary) << SafetensorsWriter().add("model.norm.weight", {16}).bytes();
  fs::create_symlink("../../blobs/1", snapshot / "config.json");
  fs::create_symlink("../../blobs/2", snapshot / "model.safetensors");
  const auto checkpoint = open_checkpoint(snapshot);
  EXPECT_TRUE(checkpoint) << checkpoint.error().message;
}

TEST_F(HuggingFace, EveryTruncationOfAConfigIsRefused) {
  write_llama();
  const auto config = read_text(folder_ / "config.json", 10'000);
  ASSERT_TRUE(config);
  for (size_t length = 0; length < config->size(); ++length) {
    write("config.json", config->substr(0, length));
    EXPECT_TRUE(refusal().starts_with(path("config.json") + ": ")) << length;
  }
}

}  // namespace halfbyte
