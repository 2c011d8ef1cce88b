#include "models/model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "formats/gguf_bytes.h"
#include "models/tiny_model.h"

namespace halfbyte {
namespace {

using gguf_bytes::raw;

// The error of loading a tiny model changed in one way, without the path before it.
std::string refusal(const TinyModel& model) {
  const TinyModelFile file(model);
  ThreadPool pool(1);
  const auto loaded = load_model(file.path(), pool);
  if (loaded) return "loaded";
  const std::string& message = loaded.error().message;
  return message.starts_with(file.path().string() + ": ") ? message.substr(file.path().string().size() + 2) : message;
}

TinyModel with_entry(const std::string& key, uint32_t type, const std::string& value) {
  return {.change_entries = [=](auto& entries) {
    for (auto& [name, bytes] : entries)
      if (name == key) {
        bytes = gguf_bytes::entry(key, type, value);
        return;
      }
    entries.emplace_back(key, gguf_bytes::entry(key, type, value));
  }};
}
TinyModel with_u32(const std::string& key, uint32_t value) { return with_entry(key, 4, raw(value)); }
TinyModel with_f32(const std::string& key, float value) { return with_entry(key, 6, raw(value)); }
TinyModel with_text(const std::string& key, const std::string& value) { return with_entry(key, 8, gguf_bytes::text(value)); }
TinyModel without_entry(const std::string& key) {
  return {.change_entries = [=](auto& entries) { std::erase_if(entries, [&](const auto& e) { return e.first == key; }); }};
}

TEST(Model, LoadsATinyLlama) {
  const TinyModelFile file;
  ThreadPool pool(2);
  const auto model = load_model(file.path(), pool);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->formula->dims().layers, 2);
  EXPECT_EQ(model->name, "tiny");
  EXPECT_TRUE(model->warnings.empty());
}

TEST(Model, AnUnknownArchitectureIsRefusedWithTheListOfKnownOnes) {
  EXPECT_EQ(refusal(with_text("general.architecture", "nosuch")),
            "architecture 'nosuch'; this build runs llama, qwen2, qwen3, qwen3moe, gemma3, gpt2");
}

TEST(Model, HyperParametersOutOfRangeAreRefusedByKey) {
  const struct {
    TinyModel model;
    const char* key;
  } rows[] = {
      {with_u32("llama.block_count", 0), "llama.block_count"},
      {with_u32("llama.block_count", 1025), "llama.block_count"},
      {with_u32("llama.block_count", 0xffffffff), "llama.block_count"},
      {with_u32("llama.attention.head_count", 0), "llama.attention.head_count"},
      {with_u32("llama.attention.head_count_kv", 3), "llama.attention.head_count"},
      {with_u32("llama.attention.head_count", 5), "llama.attention.head_count"},
      {with_u32("llama.rope.dimension_count", 7), "llama.rope.dimension_count"},
      {with_u32("llama.rope.dimension_count", 18), "llama.rope.dimension_count"},
      {with_u32("llama.embedding_length", 0), "llama.embedding_length"},
      {with_f32("llama.attention.layer_norm_rms_epsilon", 0), "llama.attention.layer_norm_rms_epsilon"},
      {with_f32("llama.attention.layer_norm_rms_epsilon", std::numeric_limits<float>::quiet_NaN()),
       "llama.attention.layer_norm_rms_epsilon"},
      {with_f32("llama.rope.freq_base", std::numeric_limits<float>::infinity()), "llama.rope.freq_base"},
      {with_text("llama.block_count", "2"), "llama.block_count"},
      {without_entry("llama.context_length"), "llama.context_length"},
  };
  for (const auto& row : rows) {
    const std::string message = refusal(row.model);
    EXPECT_NE(message.find(row.key), std::string::npos) << row.key << ": " << message;
  }
}

TEST(Model, AnUnknownRopeScalingIsRefused) {
  EXPECT_EQ(refusal(with_text("llama.rope.scaling.type", "longrope")),
            "llama.rope.scaling.type is 'longrope', this build knows none, linear, yarn");
}

TEST(Model, AMissingTensorIsNamed) {
  EXPECT_EQ(refusal({.change_tensors = [](auto& tensors) { tensors.pop_back(); }}), "tensor output_norm.weight is missing");
}

TEST(Model, ATensorOfAnotherShapeIsNamedWithBothShapes) {
  const TinyModel model{.change_tensors = [](auto& tensors) {
    tensors[0].shape[0] += 1;
    tensors[0].data.resize(tensors[0].data.size() + tensors[0].data.size() / TinyModel::kVocabulary);
  }};
  EXPECT_EQ(refusal(model), "tensor token_embd.weight: expected shape [258, 64], found [259, 64]");
}

TinyModel mixture() { return {.experts = 5}; }

TinyModel mixture_with_u32(const std::string& key, uint32_t value) {
  TinyModel model = mixture();
  model.change_entries = with_u32(key, value).change_entries;
  return model;
}

TinyModel with_tensors(const std::vector<std::string>& names) {
  return {.change_tensors = [=](auto& tensors) {
    for (const std::string& name : names) {
      tensors.push_back(tensors.back());
      tensors.back().name = name;
    }
  }};
}

TEST(Model, TensorsBesideTheLanguageModelAreAWarning) {
  const TinyModelFile file(with_tensors({"v.patch_embd.weight", "mm.input_projection.weight", "blk.0.attn_rot_embd.weight"}));
  ThreadPool pool(1);
  const auto model = load_model(file.path(), pool);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->warnings, std::vector<std::string>{"3 tensors beside the language model are not used, first v.patch_embd.weight"});
}

TEST(Model, ATensorThatTheFormulaDoesNotHaveIsRefused) {
  for (const std::string name : {"blk.0.attn_q_norm.weight", "blk.0.attn_sinks.weight", "blk.1.ffn_up_shexp.weight", "blk.0.attn_q.scale",
                                 "blk.2.attn_norm.weight", "token_embd_norm.weight", "output_norm.bias"})
    EXPECT_EQ(refusal(with_tensors({name})), "tensor " + name + ": this build's formula of llama does not have it");
  TinyModel factors = mixture();
  factors.change_tensors = with_tensors({"rope_freqs.weight"}).change_tensors;
  EXPECT_EQ(refusal(factors), "tensor rope_freqs.weight: this build's formula of qwen3moe does not have it");
}

TEST(Model, AKeyThatAsksForAnotherFormulaIsRefused) {
  const struct {
    TinyModel model;
    const char* message;
  } rows[] = {
      {with_f32("llama.logit_scale", 0.5F), "llama.logit_scale is 0.5; this build runs 0 or 1"},
      {with_f32("llama.final_logit_softcapping", 30), "llama.final_logit_softcapping is 30; this build runs 0"},
      {with_f32("llama.attention.max_alibi_bias", 8), "llama.attention.max_alibi_bias is 8; this build runs 0"},
      {with_entry("llama.attention.causal", 7, std::string(1, '\0')), "llama.attention.causal is 0; this build runs 1"},
      {with_entry("llama.use_parallel_residual", 7, "\1"), "llama.use_parallel_residual is 1; this build runs 0"},
      {with_u32("llama.expert_count", 8), "llama.expert_count is 8; this build runs 0"},
      {with_u32("llama.attention.key_length_swa", 8),
       "llama.attention.key_length_swa is 8, and there is no llama.attention.key_length for it to equal"},
      {with_f32("llama.rope.freq_base_swa", 20000), "llama.rope.freq_base_swa is 20000; this build runs 10000, as llama.rope.freq_base"},
      {with_text("llama.tensor_data_layout", "rows"),
       "llama.tensor_data_layout is 'rows'; this build runs reference or Meta AI original pth"},
      {with_text("llama.hidden_activation", "gelu"), "llama.hidden_activation is 'gelu'; this build runs silu or swish"},
      {mixture_with_u32("qwen3moe.expert_gating_func", 2), "qwen3moe.expert_gating_func is 2; this build runs 0 or 1"},
      {mixture_with_u32("qwen3moe.expert_shared_count", 1), "qwen3moe.expert_shared_count is 1; this build runs 0"},
      {with_f32("llama.rope.scaling.factor", -2), "llama.rope.scaling.factor is -2, expected a factor above 0"},
      {with_text("general.type", "adapter"), "general.type is 'adapter'; this build opens files of type 'model' here"},
  };
  for (const auto& row : rows) EXPECT_EQ(refusal(row.model), row.message);
}

TEST(Model, AKeyAtTheValueThatChangesNothingIsTaken) {
  for (const TinyModel& model :
       {with_f32("llama.logit_scale", 1), with_u32("llama.expert_count", 0), with_entry("llama.attention.causal", 7, "\1"),
        with_text("llama.tensor_data_layout", "Meta AI original pth"), with_f32("llama.rope.freq_base_swa", 10000),
        with_u32("llama.pooling_type", 3), with_text("general.type", "model"), with_text("llama.rope.scaling.type", "linear")})
    EXPECT_EQ(refusal(model), "loaded");
}

TEST(Model, AKeyThatIsNotKnownIsNamedInAWarning) {
  TinyModel model = with_u32("llama.attention.nosuch", 1);
  const auto first = model.change_entries;
  model.change_entries = [=](auto& entries) {
    first(entries);
    with_text("llama.zeta", "x").change_entries(entries);
  };
  const TinyModelFile file(model);
  ThreadPool pool(1);
  const auto loaded = load_model(file.path(), pool);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->warnings,
            std::vector<std::string>{file.path().string() +
                                     ": not applied, for this build does not know them: llama.attention.nosuch, llama.zeta"});
}

TEST(Model, AScaleThatIsNotFiniteIsRefusedByTensorAndBlock) {
  const TinyModel model{.format = "Q8_0", .change_tensors = [](auto& tensors) {
                          tensors[2].data[5 * 34] = 0;
                          tensors[2].data[5 * 34 + 1] = 0x7c;  // infinity, as a half
                        }};
  EXPECT_EQ(refusal(model), "non-finite value in tensor blk.0.attn_q.weight, block 5");
}

TEST(Model, ANormThatIsNotFiniteIsRefused) {
  const TinyModel model{
      .change_tensors = [](auto& tensors) { tensors[1].data.replace(8, 4, raw(std::numeric_limits<float>::quiet_NaN())); }};
  EXPECT_EQ(refusal(model), "tensor blk.0.attn_norm.weight: element 2 is not finite");
}

TinyModel::TensorBytes& named(std::vector<TinyModel::TensorBytes>& tensors, const std::string& name) {
  return *std::ranges::find(tensors, name, &TinyModel::TensorBytes::name);
}

TinyModel mixture_with_tensor(const std::string& name, const std::function<void(TinyModel::TensorBytes&)>& change) {
  TinyModel model = mixture();
  model.change_tensors = [=](auto& tensors) { change(named(tensors, name)); };
  return model;
}

TEST(Mixture, HasAMatrixForEachExpert) {
  const TinyModelFile file(mixture());
  ThreadPool pool(2);
  const auto model = load_model(file.path(), pool);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_TRUE(model->warnings.empty());
  EXPECT_EQ(std::ranges::count_if(model->weights.matrices, [](const Matrix& m) { return m.rows == 96 && m.columns == 64; }), 2 * 2 * 5);
}

TEST(Mixture, EachExpertHasItsOwnRowsOfTheTensor) {
  std::string gates;
  const TinyModelFile file(mixture_with_tensor("blk.1.ffn_gate_exps.weight", [&](auto& tensor) { gates = tensor.data; }));
  ThreadPool pool(2);
  const auto model = load_model(file.path(), pool);
  ASSERT_TRUE(model) << model.error().message;
  std::vector<const Matrix*> first_of_layer;  // of 96 x 64: layer 0 gate and up, layer 1 gate and up
  for (const Matrix& m : model->weights.matrices)
    if (m.rows == 96 && m.columns == 64) first_of_layer.push_back(&m);
  ASSERT_EQ(first_of_layer.size(), 20U);
  std::vector<std::byte> scratch(64 * sizeof(float));
  std::vector<float> row(64);
  for (size_t expert = 0; expert < 5; ++expert)
    for (uint32_t r = 0; r < 96; ++r) {
      first_of_layer[10 + expert]->decode_row(r, scratch.data(), row.data());
      ASSERT_EQ(std::memcmp(row.data(), gates.data() + (expert * 96 + r) * 64 * sizeof(float), 64 * sizeof(float)), 0) << expert;
    }
}

TEST(Mixture, NumbersOfExpertsOutOfRangeAreRefusedByKey) {
  const struct {
    TinyModel model;
    const char* key;
  } rows[] = {
      {mixture_with_u32("qwen3moe.expert_count", 0), "qwen3moe.expert_count"},
      {mixture_with_u32("qwen3moe.expert_count", 4097), "qwen3moe.expert_count"},
      {mixture_with_u32("qwen3moe.expert_count", 0xffffffff), "qwen3moe.expert_count"},
      {mixture_with_u32("qwen3moe.expert_used_count", 0), "qwen3moe.expert_used_count"},
      {mixture_with_u32("qwen3moe.expert_used_count", 6), "qwen3moe.expert_used_count"},
      {mixture_with_u32("qwen3moe.expert_feed_forward_length", 0), "qwen3moe.expert_feed_forward_length"},
  };
  for (const auto& row : rows) {
    const std::string message = refusal(row.model);
    EXPECT_NE(message.find(row.key), std::string::npos) << row.key << ": " << message;
  }
  TinyModel unnamed = mixture();
  unnamed.change_entries = without_entry("qwen3moe.expert_count").change_entries;
  EXPECT_NE(refusal(unnamed).find("qwen3moe.expert_count"), std::string::npos);
}

TEST(Mixture, WeightsThatDoNotAddUpToOneAreRefused) {
  TinyModel model = mixture();
  model.change_entries = with_entry("qwen3moe.expert_weights_norm", 7, std::string(1, '\0')).change_entries;
  EXPECT_EQ(refusal(model), "qwen3moe.expert_weights_norm is false; this build runs experts whose weights add up to 1");
}

TEST(Mixture, TensorsForAnotherNumberOfExpertsAreRefused) {
  EXPECT_EQ(refusal(mixture_with_u32("qwen3moe.expert_count", 4)),
            "tensor blk.0.ffn_gate_inp.weight: expected shape [4, 64], found [5, 64]");
  const TinyModel one_more = mixture_with_tensor("blk.1.ffn_up_exps.weight", [](auto& tensor) {
    ++tensor.shape[0];
    tensor.data += tensor.data.substr(0, tensor.data.size() / 5);
  });
  EXPECT_EQ(refusal(one_more), "tensor blk.1.ffn_up_exps.weight: expected shape [5, 96, 64], found [6, 96, 64]");
}

TEST(Mixture, ATensorOfAnotherShapeIsNamedWithBothShapes) {
  EXPECT_EQ(refusal(mixture_with_u32("qwen3moe.expert_feed_forward_length", 64)),
            "tensor blk.0.ffn_gate_exps.weight: expected shape [5, 64, 64], found [5, 96, 64]");
  const TinyModel flat = mixture_with_tensor("blk.0.ffn_down_exps.weight", [](auto& tensor) { tensor.shape = {5 * 64, 96}; });
  EXPECT_EQ(refusal(flat), "tensor blk.0.ffn_down_exps.weight: expected shape [5, 64, 96], found [320, 96]");
}

TEST(Mixture, AMissingTensorIsNamed) {
  for (const std::string name :
       {"blk.0.ffn_gate_inp.weight", "blk.1.ffn_gate_exps.weight", "blk.0.ffn_up_exps.weight", "blk.1.ffn_down_exps.weight"}) {
    TinyModel model = mixture();
    model.change_tensors = [=](auto& tensors) { std::erase_if(tensors, [&](const auto& t) { return t.name == name; }); };
    EXPECT_EQ(refusal(model), "tensor " + name + " is missing");
  }
}

TEST(Mixture, AScaleThatIsNotFiniteIsRefusedByTensorAndBlock) {
  TinyModel model = mixture_with_tensor("blk.1.ffn_up_exps.weight", [](auto& tensor) {
    tensor.data.replace((4 * 192 + 1) * 34, 2, std::string("\0\x7c", 2));  // of expert 4: infinity, as a half
  });
  model.format = "Q8_0";
  EXPECT_EQ(refusal(model), "non-finite value in tensor blk.1.ffn_up_exps.weight, block 769");
}

TEST(Model, EveryThreadCountLoadsTheSameWeights) {
  const TinyModelFile file({.format = "Q4_1"});
  ThreadPool one(1), three(3);
  const auto a = load_model(file.path(), one), b = load_model(file.path(), three);
  ASSERT_TRUE(a && b);
  ASSERT_EQ(a->weights.storage.size(), b->weights.storage.size());
  EXPECT_EQ(std::memcmp(a->weights.storage.data(), b->weights.storage.data(), a->weights.storage.size()), 0);
}

}  // namespace
}  // namespace halfbyte
