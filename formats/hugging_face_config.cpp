#include "formats/hugging_face_config.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "base/errors.h"
#include "formats/hugging_face_rope.h"
#include "formats/hugging_face_settings.h"
#include "formats/json_metadata.h"

namespace halfbyte {
namespace {

constexpr uint64_t kMost = ~uint32_t{0};   // models/ knows the true ranges
constexpr uint64_t kMostLayers = 65'535;   // memory is taken for each,
constexpr uint64_t kMostHeadDim = 65'535;  // and for each of these

// Values a configuration leaves out when they are the model type's own.
struct Default {
  std::string_view key;
  MetadataValue value;
};

struct ModelType {
  std::string_view model_type, architecture;
  NamingScheme names;
  bool is_tied;  // unless the file says otherwise
  std::string_view activation_key;
  std::string_view activations[2];              // names of the one that the formula has
  const std::span<const KnownKey>&own, &shape;  // settings: of this type, and of the kind it is of
};
const std::span<const KnownKey> kNone;
const ModelType kModelTypes[] = {
    {"llama", "llama", NamingScheme::kLlama, false, "hidden_act", {"silu", "swish"}, kNone, kDecoderSettings},
    {"mistral", "llama", NamingScheme::kLlama, false, "hidden_act", {"silu", "swish"}, kNone, kDecoderSettings},
    {"qwen2", "qwen2", NamingScheme::kPlainDecoder, false, "hidden_act", {"silu", "swish"}, kNone, kDecoderSettings},
    {"qwen3", "qwen3", NamingScheme::kPlainDecoder, false, "hidden_act", {"silu", "swish"}, kNone, kDecoderSettings},
    {"qwen3_moe", "qwen3moe", NamingScheme::kPlainDecoder, false, "hidden_act", {"silu", "swish"}, kQwen3MoeSettings, kDecoderSettings},
    {"gemma3_text",
     "gemma3",
     NamingScheme::kGemma3,
     true,
     "hidden_activation",
     {"gelu_pytorch_tanh", "gelu_new"},
     kGemma3Settings,
     kDecoderSettings},
    {"gpt2", "gpt2", NamingScheme::kGpt2, true, "activation_function", {"gelu_new", "gelu_pytorch_tanh"}, kGpt2Settings, kNone},
};

// transformers' Gemma3TextConfig; the files of the larger models name only what differs.
std::vector<Default> gemma3_defaults() {
  return {
      {"vocab_size", uint64_t{262'208}},
      {"num_attention_heads", uint64_t{8}},
      {"num_key_value_heads", uint64_t{4}},
      {"head_dim", uint64_t{256}},
      {"max_position_embeddings", uint64_t{131'072}},
      {"rms_norm_eps", 1e-6},
      {"hidden_activation", std::string("gelu_pytorch_tanh")},
      {"query_pre_attn_scalar", uint64_t{256}},
      {"sliding_window", uint64_t{4096}},
      {"sliding_window_pattern", uint64_t{6}},
      {"rope_theta", 1e6},
  };
}

class ConfigReader {
 public:
  ConfigReader(const Metadata& config, const ModelType& type, const std::filesystem::path& folder) : config_(config), type_(type) {
    out_.metadata = Metadata(folder.string());
    out_.architecture = type.architecture;
    out_.names = type.names;
    // The conversion to GGUF names a model after its folder too; "DIR/" and "." have a name as well.
    std::error_code error;
    const auto place = std::filesystem::weakly_canonical(folder, error);
    out_.metadata.insert("general.architecture", out_.architecture);
    out_.metadata.insert("general.name", (error ? folder : place).filename().string());
  }

  Result<HuggingFaceConfig> read() {
    HB_TRY(check_settings());
    HB_TRY_INTO(out_.is_tied, config_.flag_or("tie_word_embeddings", type_.is_tied));
    HB_TRY_INTO(out_.attention_bias, config_.flag_or("attention_bias", false));
    HB_TRY_INTO(out_.feed_forward_bias, config_.flag_or("mlp_bias", false));
    HB_TRY(copy("vocab_size", "vocab_size", out_.vocabulary));
    HB_TRY(type_.architecture == "gpt2" ? gpt2() : decoder());
    return std::move(out_);
  }

 private:
  void put(std::string_view key, MetadataValue value) {
    out_.metadata.insert(fmt::format("{}.{}", type_.architecture, key), std::move(value));
  }
  Result<void> copy(std::string_view from, std::string_view to, uint64_t& value) {
    HB_TRY_INTO(value, config_.unsigned_integer(from, 1, kMost));
    put(to, value);
    return {};
  }
  Result<void> copy(std::string_view from, std::string_view to) {
    uint64_t value = 0;
    return copy(from, to, value);
  }
  Result<void> copy_eps(std::string_view from, std::string_view to) {
    HB_TRY_ASSIGN(eps, config_.positive_float(from));
    put(to, static_cast<double>(static_cast<float>(eps)));  // GGUF stores float32
    return {};
  }

  Result<void> check_settings() {
    const std::span<const KnownKey> tables[] = {type_.own, type_.shape, kConfigSettings};
    HB_TRY(check_known_keys(config_, "", tables, out_.warnings));
    const auto& activation = type_.activations;
    HB_TRY_ASSIGN(found, config_.text_or(type_.activation_key, std::string(activation[0])));
    if (std::ranges::find(activation, found) == std::end(activation))
      return unsupported("{}: {} is '{}', this build runs {} with {}", config_.path(), type_.activation_key, escaped(found),
                         type_.model_type, activation[0]);
    return {};
  }

  Result<void> decoder() {
    HB_TRY(copy("max_position_embeddings", "context_length"));
    uint64_t width = 0;
    HB_TRY(copy("hidden_size", "embedding_length", width));
    HB_TRY(copy("num_hidden_layers", "block_count", layers_));
    HB_TRY(copy("intermediate_size", "feed_forward_length"));
    HB_TRY(copy("num_attention_heads", "attention.head_count", out_.heads));
    HB_TRY_INTO(out_.kv_heads, config_.unsigned_integer_or("num_key_value_heads", 1, kMost, out_.heads));
    put("attention.head_count_kv", out_.kv_heads);
    HB_TRY_ASSIGN(head_dim, config_.unsigned_integer_or("head_dim", 1, kMost, width / out_.heads));
    if (head_dim > kMostHeadDim) return corrupt("{}: heads of {} dimensions, at most {}", config_.path(), head_dim, kMostHeadDim);
    put("attention.key_length", head_dim);
    put("attention.value_length", head_dim);
    HB_TRY(copy_eps("rms_norm_eps", "attention.layer_norm_rms_epsilon"));
    HB_TRY(read_rope_settings(config_, "full_attention", type_.architecture, head_dim, out_.metadata, out_.rope_factors));
    if (type_.architecture == "gemma3") HB_TRY(gemma3());
    if (type_.architecture == "qwen3moe") HB_TRY(qwen3moe());
    return windows();
  }

  Result<void> gemma3() {
    HB_TRY_ASSIGN(base, sliding_rope_base(config_));
    put("rope.freq_base_swa", static_cast<double>(static_cast<float>(base)));
    HB_TRY_ASSIGN(divisor, config_.positive_float("query_pre_attn_scalar"));
    put("attention.scale", static_cast<double>(1 / std::sqrt(static_cast<float>(divisor))));
    return {};
  }

  // Every layer a mixture, and the chosen experts' weights renormalised: as the released models are.
  Result<void> qwen3moe() {
    HB_TRY(copy(config_.contains("num_experts") ? "num_experts" : "num_local_experts", "expert_count", out_.experts));
    HB_TRY(copy("num_experts_per_tok", "expert_used_count"));
    HB_TRY(copy("moe_intermediate_size", "expert_feed_forward_length"));
    HB_TRY_ASSIGN(renormalises, config_.flag_or("norm_topk_prob", false));
    if (!renormalises) return unsupported("{}: norm_topk_prob is not true, which this build needs", config_.path());
    HB_TRY_ASSIGN(step, config_.unsigned_integer_or("decoder_sparse_step", 1, kMost, 1));
    if (step != 1) return unsupported("{}: decoder_sparse_step is {}, this build runs 1", config_.path(), step);
    const MetadataValue* dense_layers = config_.find("mlp_only_layers");
    if (dense_layers != nullptr && *dense_layers != MetadataValue(std::vector<std::string>()))  // as an empty list is read
      return unsupported("{}: mlp_only_layers is not empty, which this build needs", config_.path());
    return {};
  }

  Result<void> gpt2() {
    uint64_t width = 0;
    HB_TRY(copy("n_positions", "context_length"));
    HB_TRY(copy("n_embd", "embedding_length", width));
    HB_TRY(copy("n_layer", "block_count", layers_));
    HB_TRY(copy("n_head", "attention.head_count", out_.heads));
    out_.kv_heads = out_.heads;
    HB_TRY_ASSIGN(ffn, config_.unsigned_integer_or("n_inner", 1, kMost, 4 * width));
    put("feed_forward_length", ffn);
    return copy_eps("layer_norm_epsilon", "attention.layer_norm_epsilon");
  }

  // Which layers see a sliding window: as layer_types says, or by the model type's older settings.
  Result<std::vector<bool>> sliding_layers() const {
    if (layers_ > kMostLayers) return corrupt("{}: num_hidden_layers is {}, at most {}", config_.path(), layers_, kMostLayers);
    std::vector<bool> out(static_cast<size_t>(layers_), false);
    HB_TRY_ASSIGN(types, config_.strings("layer_types"));
    if (types != nullptr) {
      if (types->size() != out.size())
        return corrupt("{}: layer_types has {} entries, num_hidden_layers is {}", config_.path(), types->size(), out.size());
      for (size_t i = 0; i < out.size(); ++i) {
        const std::string& type = (*types)[i];
        if (type != "sliding_attention" && type != "full_attention")
          return unsupported("{}: layer_types[{}] is '{}', this build runs sliding_attention and full_attention", config_.path(), i,
                             escaped(type));
        out[i] = type == "sliding_attention";
      }
      return out;
    }
    if (!config_.contains("sliding_window") || type_.model_type == "llama") return out;
    if (type_.model_type == "mistral") return std::vector<bool>(out.size(), true);
    if (type_.architecture == "gemma3") {
      HB_TRY_ASSIGN(pattern, config_.unsigned_integer("sliding_window_pattern", 1, kMost));
      for (size_t i = 0; i < out.size(); ++i) out[i] = (i + 1) % pattern != 0;
      return out;
    }
    HB_TRY_ASSIGN(uses_window, config_.flag_or("use_sliding_window", false));
    HB_TRY_ASSIGN(first, config_.unsigned_integer_or("max_window_layers", 0, kMost, 0));
    for (size_t i = 0; i < out.size(); ++i) out[i] = uses_window && i >= first;
    return out;
  }

  Result<void> windows() {
    HB_TRY_ASSIGN(slides, sliding_layers());
    if (std::ranges::find(slides, true) == slides.end()) return {};
    HB_TRY(copy("sliding_window", "attention.sliding_window"));
    const auto first_full = static_cast<size_t>(std::ranges::find(slides, false) - slides.begin());
    if (type_.architecture == "llama" && first_full == slides.size()) return {};
    if (type_.architecture == "gemma3") {
      bool is_regular = true;
      for (size_t i = 0; i < slides.size(); ++i) is_regular = is_regular && slides[i] == ((i + 1) % (first_full + 1) != 0);
      put("attention.sliding_window_pattern", uint64_t{first_full + 1});
      if (is_regular) return {};
    }
    return unsupported("{}: the layers with a sliding window are not those that this build's {} has", config_.path(), type_.model_type);
  }

  const Metadata& config_;
  const ModelType& type_;
  HuggingFaceConfig out_;
  uint64_t layers_ = 0;
};

Result<const ModelType*> model_type_of(const std::string& model_type, const std::string& path) {
  std::string known;
  for (const ModelType& type : kModelTypes) {
    if (type.model_type == model_type) return &type;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", type.model_type);
  }
  return unsupported("{}: model_type '{}'; this build runs {}, and the text side of gemma3", path, escaped(model_type), known);
}

}  // namespace

std::optional<NamingScheme> naming_scheme_of(std::string_view architecture) {
  for (const ModelType& type : kModelTypes)
    if (type.architecture == architecture) return type.names;
  return std::nullopt;
}

Result<HuggingFaceConfig> read_config(const Json& config, const std::string& path, const std::filesystem::path& folder) {
  HB_TRY_ASSIGN(whole, metadata_of(config, path));
  HB_TRY_ASSIGN(model_type, whole.text("model_type"));
  const Json* text = &config;  // the part that describes the language model
  if (model_type == "gemma3") {
    text = config.find("text_config");
    if (text == nullptr || text->object() == nullptr) return corrupt("{}: text_config is missing or not an object", path);
    model_type = "gemma3_text";
  }
  if (const Json* quantization = config.find("quantization_config"); quantization != nullptr && quantization->object() != nullptr) {
    HB_TRY_ASSIGN(method, whole.text_or("quantization_config.quant_method", "unknown"));
    return unsupported("{}: quantization_config: weights quantized with '{}'; this build reads F32, F16 and BF16 here", path,
                       escaped(method));
  }
  HB_TRY_ASSIGN(type, model_type_of(model_type, path));
  HB_TRY_ASSIGN(values, metadata_of(*text, path));
  if (type->architecture == "gemma3")
    for (Default& value : gemma3_defaults())
      if (text->find(value.key) == nullptr) values.insert(std::string(value.key), std::move(value.value));
  return ConfigReader(values, *type, folder).read();
}

}  // namespace halfbyte
