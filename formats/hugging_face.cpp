#include "formats/hugging_face.h"

#include <cstring>
#include <map>

#include "base/errors.h"
#include "formats/checkpoint_folder.h"
#include "formats/hugging_face_config.h"
#include "formats/hugging_face_names.h"
#include "formats/hugging_face_tokens.h"
#include "formats/limits.h"
#include "formats/safetensors_shards.h"
#include "formats/tensor_names.h"

namespace halfbyte {
namespace {

class HuggingFaceReader {
 public:
  HuggingFaceReader(const CheckpointFolder& folder, HuggingFaceConfig config) : folder_(folder), config_(std::move(config)) {}

  Result<Checkpoint> read(const Json& config, std::string_view weights) {
    out_.metadata = std::move(config_.metadata);
    out_.warnings = std::move(config_.warnings);
    HB_TRY(read_tokens(folder_, config, config_.vocabulary, out_.metadata, out_.warnings));
    HB_TRY_ASSIGN(stored, open_safetensors(folder_, weights));
    out_.files = std::move(stored.files);
    for (std::string& warning : stored.warnings) out_.warnings.push_back(std::move(warning));
    for (const StoredTensor& tensor : stored.tensors) HB_TRY(add(tensor));
    for (const auto& [name, parts] : experts_) HB_TRY(join(name, parts));
    if (!config_.is_tied && out_.find(gguf_name("output.weight")) == nullptr)
      return corrupt("{}: tie_word_embeddings is false, but there is no lm_head.weight", where());
    add_rope_factors();
    return std::move(out_);
  }

 private:
  std::string where() const { return folder_.path().string(); }

  Result<void> add(const StoredTensor& stored) {
    const SafetensorsEntry& entry = stored.entry;
    if (is_left_out(entry.name)) return {};
    const auto name = gguf_name_of(entry.name, config_.names);
    if (!name) {
      out_.warnings.push_back(fmt::format("{}: tensor '{}' is not used", where(), escaped(entry.name)));
      return {};
    }
    if (config_.is_tied && name->name == gguf_name("output.weight")) return {};  // a copy of the embedding table
    HB_TRY(check_bias(entry.name, name->name));
    const std::string part = name->expert ? fmt::format("{} of expert {}", name->name, *name->expert) : name->name;
    if (const auto [at, is_new] = stored_names_.emplace(part, entry.name); !is_new)
      return corrupt("{}: tensors '{}' and '{}' are the same weight, {}", where(), escaped(at->second), escaped(entry.name), part);
    TensorLocation tensor{.name = name->name, .shape = entry.shape, .file = stored.file, .offset = entry.offset, .bytes = entry.bytes};
    tensor.format = entry.dtype == "F32" || entry.dtype == "F16" || entry.dtype == "BF16" ? find_number_format(entry.dtype) : nullptr;
    if (tensor.format == nullptr)
      return unsupported("{}: tensor '{}' is {}; this build reads F32, F16 and BF16 here", where(), escaped(entry.name), entry.dtype);
    if (tensor.shape.empty() || tensor.shape.size() > limits::kDimensions || tensor.bytes == 0)
      return corrupt("{}: tensor '{}': shape [{}], expected 1 to {} dimensions, none of them 0", where(), escaped(entry.name),
                     fmt::join(entry.shape, ", "), limits::kDimensions);
    if (name->expert) {
      experts_[name->name].emplace(*name->expert, std::move(tensor));
      return {};
    }
    HB_TRY(turn(entry, name->stored, tensor));
    out_.tensors.push_back(std::move(tensor));
    return {};
  }

  // A bias that config.json does not ask for is one to the conversion and none to transformers.
  Result<void> check_bias(std::string_view stored, std::string_view name) const {
    if (!name.ends_with(".bias") || !name.starts_with("blk.") || config_.architecture == "gpt2") return {};
    const bool is_output = name.find(".attn_output.") != std::string_view::npos;
    const bool is_attention = is_output || name.find(".attn_") != std::string_view::npos;
    if (config_.architecture == "qwen2" && is_attention && !is_output) return {};  // always
    if (is_attention ? config_.attention_bias : config_.feed_forward_bias) return {};
    return unsupported("{}: tensor '{}' is a bias, but config.json does not say {} is true", where(), escaped(stored),
                       is_attention ? "attention_bias" : "mlp_bias");
  }

  // The experts' matrices as GGUF has them: one tensor, an expert after the other.
  Result<void> join(const std::string& name, const std::map<int, TensorLocation>& parts) {
    const TensorLocation& first = parts.begin()->second;
    TensorLocation joined = first;
    for (uint64_t expert = 0; expert < config_.experts; ++expert) {
      const auto part = parts.find(static_cast<int>(expert));
      if (part == parts.end()) return corrupt("{}: {} of expert {} is missing", where(), name, expert);
      if (part->second.shape != first.shape || part->second.format != first.format)
        return corrupt("{}: {} of expert {} is {} [{}], expected {} [{}] as of expert 0", where(), name, expert, part->second.format->name,
                       fmt::join(part->second.shape, ", "), first.format->name, fmt::join(first.shape, ", "));
      joined.pieces.push_back({part->second.file, part->second.offset});
    }
    if (parts.size() != config_.experts) return corrupt("{}: {} of {} experts, expected {}", where(), name, parts.size(), config_.experts);
    joined.shape.insert(joined.shape.begin(), config_.experts);
    joined.bytes *= config_.experts;
    out_.tensors.push_back(std::move(joined));
    return {};
  }

  Result<void> turn(const SafetensorsEntry& entry, StoredAs stored, TensorLocation& tensor) const {
    switch (stored) {
      case StoredAs::kSame: return {};
      case StoredAs::kQueryHalves: return pair_rows(entry, config_.heads, tensor);
      case StoredAs::kKeyHalves: return pair_rows(entry, config_.kv_heads, tensor);
      case StoredAs::kColumns:
        if (tensor.shape.size() == 1) return {};  // a bias
        if (tensor.shape.size() != 2)
          return corrupt("{}: tensor '{}': {} dimensions, expected 2", where(), escaped(entry.name), tensor.shape.size());
        std::swap(tensor.shape[0], tensor.shape[1]);
        tensor.turn.kind = Turn::Kind::kTransposed;
        return {};
      case StoredAs::kMinusOne:
        tensor.turn = {.kind = Turn::Kind::kPlusOne, .stored = tensor.format};
        tensor.bytes = tensor.elements() * sizeof(float);
        tensor.format = find_number_format("F32");
        return {};
    }
    return {};
  }

  Result<void> pair_rows(const SafetensorsEntry& entry, uint64_t heads, TensorLocation& tensor) const {
    if (tensor.shape[0] % (2 * heads) != 0)
      return corrupt("{}: tensor '{}': {} rows are not {} heads of an even size", where(), escaped(entry.name), tensor.shape[0], heads);
    tensor.turn = {.kind = Turn::Kind::kAdjacentPairs, .heads = heads};
    return {};
  }

  void add_rope_factors() {
    if (config_.rope_factors.empty()) return;
    const auto bytes = std::as_bytes(std::span(config_.rope_factors));
    out_.computed.assign(bytes.begin(), bytes.end());
    out_.tensors.push_back({.name = gguf_name("rope_freqs.weight"),
                            .format = find_number_format("F32"),
                            .shape = {config_.rope_factors.size()},
                            .file = TensorLocation::kComputed,
                            .bytes = bytes.size()});
  }

  const CheckpointFolder& folder_;
  HuggingFaceConfig config_;
  std::map<std::string, std::string> stored_names_;               // GGUF's -> the file's
  std::map<std::string, std::map<int, TensorLocation>> experts_;  // GGUF's name -> by expert
  Checkpoint out_;
};

}  // namespace

Result<Checkpoint> open_hugging_face(const std::filesystem::path& path, std::string_view weights, const World& world) {
  const CheckpointFolder folder(path, world);
  HB_TRY_ASSIGN(config, folder.json("config.json", limits::kConfigBytes));
  if (!config)
    return not_found("{}: no such file; a checkpoint's directory has config.json and model.safetensors", folder.path_of("config.json"));
  HB_TRY_ASSIGN(translated, read_config(*config, folder.path_of("config.json"), path));
  return HuggingFaceReader(folder, std::move(translated)).read(*config, weights);
}

}  // namespace halfbyte
