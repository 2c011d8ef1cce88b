#include "formats/hugging_face_names.h"

#include <algorithm>
#include <array>
#include <span>

#include "formats/tensor_names.h"

namespace halfbyte {
namespace {

struct Row {
  std::string_view stem, gguf;
  StoredAs stored = StoredAs::kSame;
};

constexpr Row kDecoderTop[] = {
    {"embed_tokens", "token_embd"},
    {"norm", "output_norm"},
    {"lm_head", "output"},
};
constexpr Row kDecoderLayer[] = {
    {"input_layernorm", "attn_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"},
    {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"},
    {"post_attention_layernorm", "ffn_norm"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
    {"mlp.gate", "ffn_gate_inp"},
    {"mlp.experts.*.gate_proj", "ffn_gate_exps"},  // *: the number of the expert
    {"mlp.experts.*.up_proj", "ffn_up_exps"},
    {"mlp.experts.*.down_proj", "ffn_down_exps"},
};
// GGUF's llama turns neighbouring dimensions together, transformers those half a head apart.
constexpr Row kLlamaLayer[] = {
    {"input_layernorm", "attn_norm", StoredAs::kSame},    {"self_attn.q_proj", "attn_q", StoredAs::kQueryHalves},
    {"self_attn.k_proj", "attn_k", StoredAs::kKeyHalves}, {"self_attn.v_proj", "attn_v", StoredAs::kSame},
    {"self_attn.o_proj", "attn_output", StoredAs::kSame}, {"post_attention_layernorm", "ffn_norm", StoredAs::kSame},
    {"mlp.gate_proj", "ffn_gate", StoredAs::kSame},       {"mlp.up_proj", "ffn_up", StoredAs::kSame},
    {"mlp.down_proj", "ffn_down", StoredAs::kSame},
};
// Gemma's norms are stored as w and multiply by 1 + w; the norm after attention has the name others use for the one before the
// feed-forward part.
constexpr Row kGemma3Top[] = {
    {"embed_tokens", "token_embd", StoredAs::kSame},
    {"norm", "output_norm", StoredAs::kMinusOne},
    {"lm_head", "output", StoredAs::kSame},
};
constexpr Row kGemma3Layer[] = {
    {"input_layernorm", "attn_norm", StoredAs::kMinusOne},
    {"self_attn.q_proj", "attn_q", StoredAs::kSame},
    {"self_attn.k_proj", "attn_k", StoredAs::kSame},
    {"self_attn.v_proj", "attn_v", StoredAs::kSame},
    {"self_attn.o_proj", "attn_output", StoredAs::kSame},
    {"self_attn.q_norm", "attn_q_norm", StoredAs::kMinusOne},
    {"self_attn.k_norm", "attn_k_norm", StoredAs::kMinusOne},
    {"post_attention_layernorm", "post_attention_norm", StoredAs::kMinusOne},
    {"pre_feedforward_layernorm", "ffn_norm", StoredAs::kMinusOne},
    {"post_feedforward_layernorm", "post_ffw_norm", StoredAs::kMinusOne},
    {"mlp.gate_proj", "ffn_gate", StoredAs::kSame},
    {"mlp.up_proj", "ffn_up", StoredAs::kSame},
    {"mlp.down_proj", "ffn_down", StoredAs::kSame},
};
// GPT-2's matrices ("Conv1D") have inputs as rows.
constexpr Row kGpt2Top[] = {
    {"wte", "token_embd"},
    {"wpe", "position_embd"},
    {"ln_f", "output_norm"},
    {"lm_head", "output"},
};
constexpr Row kGpt2Layer[] = {
    {"ln_1", "attn_norm", StoredAs::kSame},
    {"attn.c_attn", "attn_qkv", StoredAs::kColumns},
    {"attn.c_proj", "attn_output", StoredAs::kColumns},
    {"ln_2", "ffn_norm", StoredAs::kSame},
    {"mlp.c_fc", "ffn_up", StoredAs::kColumns},
    {"mlp.c_proj", "ffn_down", StoredAs::kColumns},
};

constexpr std::string_view kDecoderPrefixes[] = {"model."};
constexpr std::string_view kGemma3Prefixes[] = {"language_model.model.", "language_model.", "model.language_model.", "model."};
constexpr std::string_view kGpt2Prefixes[] = {"transformer."};

struct SchemeMap {
  NamingScheme scheme;
  std::span<const std::string_view> prefixes;  // one of them, or none, stands before a name
  std::string_view layers;
  std::span<const Row> top, layer;
};
constexpr SchemeMap kSchemes[] = {
    {NamingScheme::kLlama, kDecoderPrefixes, "layers.", kDecoderTop, kLlamaLayer},
    {NamingScheme::kPlainDecoder, kDecoderPrefixes, "layers.", kDecoderTop, kDecoderLayer},
    {NamingScheme::kGemma3, kGemma3Prefixes, "layers.", kGemma3Top, kGemma3Layer},
    {NamingScheme::kGpt2, kGpt2Prefixes, "h.", kGpt2Top, kGpt2Layer},
};

constexpr std::string_view kLeftOutPrefixes[] = {"vision_tower.", "multi_modal_projector.", "model.vision_tower.",
                                                 "model.multi_modal_projector."};
constexpr std::string_view kLeftOutSuffixes[] = {".rotary_emb.inv_freq", ".attn.bias", ".attn.masked_bias"};

std::string_view without_prefix(std::string_view name, std::span<const std::string_view> prefixes) {
  for (const std::string_view prefix : prefixes)
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  return name;
}

const Row* find_row(std::span<const Row> rows, std::string_view stem) {
  const auto row = std::ranges::find(rows, stem, &Row::stem);
  return row == rows.end() ? nullptr : &*row;
}

constexpr std::string_view kExperts = "mlp.experts.";

// "12." at the beginning; taken off. Only as it is printed: "012." could be a second name for the same layer.
std::optional<int> take_number(std::string_view& name) {
  int number = 0;
  size_t digits = 0;
  for (; digits < name.size() && name[digits] >= '0' && name[digits] <= '9'; ++digits) {
    if (digits == 5) return std::nullopt;
    number = number * 10 + (name[digits] - '0');
  }
  if (digits == 0 || (digits > 1 && name.front() == '0') || !name.substr(digits).starts_with('.')) return std::nullopt;
  name.remove_prefix(digits + 1);
  return number;
}

}  // namespace

std::optional<GgufName> gguf_name_of(std::string_view name, NamingScheme scheme) {
  const SchemeMap& map = *std::ranges::find(kSchemes, scheme, &SchemeMap::scheme);
  name = without_prefix(name, map.prefixes);
  std::optional<int> layer;
  if (name.starts_with(map.layers)) {
    name.remove_prefix(map.layers.size());
    layer = take_number(name);
    if (!layer) return std::nullopt;
  }
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view suffix = name.substr(dot);
  if (suffix != ".weight" && suffix != ".bias") return std::nullopt;
  std::string stem(name.substr(0, dot));
  std::optional<int> expert;
  if (stem.starts_with(kExperts)) {
    std::string_view rest = std::string_view(stem).substr(kExperts.size());
    expert = take_number(rest);
    if (!expert) return std::nullopt;
    stem = std::string(kExperts) + "*." + std::string(rest);
  }
  const Row* row = find_row(layer ? map.layer : map.top, stem);
  if (row == nullptr) return std::nullopt;
  const std::string weight = std::string(row->gguf) + std::string(suffix);
  return GgufName{layer ? gguf_name(*layer, weight) : gguf_name(weight), row->stored, expert};
}

bool is_left_out(std::string_view name) {
  return std::ranges::any_of(kLeftOutPrefixes, [&](std::string_view prefix) { return name.starts_with(prefix); }) ||
         std::ranges::any_of(kLeftOutSuffixes, [&](std::string_view suffix) { return name.ends_with(suffix); });
}

}  // namespace halfbyte
