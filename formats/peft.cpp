#include "formats/peft.h"

#include <algorithm>
#include <cmath>

#include "base/errors.h"
#include "formats/adapter_tensors.h"
#include "formats/checkpoint_folder.h"
#include "formats/hugging_face_config.h"
#include "formats/json_metadata.h"
#include "formats/known_keys.h"
#include "formats/limits.h"
#include "formats/safetensors_shards.h"

namespace halfbyte {
namespace {

constexpr std::string_view kConfig = "adapter_config.json";

constexpr KnownKey kPeftKeys[] = {
    key_only("peft_type", "LORA", "LORA"),
    key_read("r"),
    key_read("lora_alpha"),
    key_read("rank_pattern.*"),
    key_read("alpha_pattern.*"),
    key_never("rank_pattern"),  // of another type than an object
    key_never("alpha_pattern"),
    key_read("use_rslora"),
    key_read("init_lora_weights"),
    key_read("modules_to_save"),
    key_read("target_parameters"),
    // Changes of another kind, or of other weights than the model's.
    key_only("bias", "none", "none"),
    key_only("use_dora", 0),
    key_only("use_qalora", 0),
    key_only("lora_bias", 0),
    key_never("layer_replication"),
    key_never("trainable_token_indices"),
    key_never("trainable_token_indices.*"),
    key_never("alora_invocation_tokens"),
    key_never("arrow_config.*"),
    key_never("use_bdlora"),
    // Which modules were trained, and how: the tensors say the rest.
    key_harmless("target_modules"),
    key_harmless("exclude_modules"),
    key_harmless("layers_to_transform"),
    key_harmless("layers_pattern"),
    key_harmless("fan_in_fan_out"),  // of the model's matrices; A and B lie the same way for all
    key_harmless("lora_dropout"),
    key_harmless("loftq_config.*"),
    key_harmless("eva_config.*"),
    key_harmless("corda_config.*"),
    key_harmless("runtime_config.*"),
    key_harmless("megatron_config.*"),
    key_harmless("megatron_core"),
    key_harmless("qalora_group_size"),
    key_harmless("ensure_weight_tying"),
    key_harmless("inference_mode"),
    key_harmless("task_type"),
    key_harmless("auto_mapping.*"),
    key_harmless("base_model_name_or_path"),
    key_harmless("revision"),
    key_harmless("peft_version"),
};

// After these the model's own weights are others too, which the adapter counts on.
constexpr std::string_view kChangesTheBase[] = {"pissa", "corda", "olora", "loftq"};

bool is_plain_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  });
}

Result<void> read_patterns(const Json& config, const std::string& key, const Metadata& values, PeftConfig::ByModule& out) {
  const Json* patterns = config.find(key);
  if (patterns == nullptr || patterns->object() == nullptr) return {};
  for (const JsonMember& member : *patterns->object()) {
    const std::string_view name = member.key;
    if (!is_plain_name(name.starts_with('^') ? name.substr(1) : name))
      return unsupported("{}: {} has the pattern '{}', this build reads names of modules", values.path(), key, escaped(name));
    const std::string value = fmt::format("{}.{}", key, name);
    if (values.find(value) == nullptr) return corrupt("{}: {} is not a number", values.path(), escaped(value));
    HB_TRY_ASSIGN(number, values.float_or(value, 0));
    out.patterns.emplace_back(name, number);
  }
  return {};
}

Result<void> check_empty(const Metadata& values, std::string_view key) {
  const MetadataValue* found = values.find(key);
  if (found == nullptr || *found == MetadataValue(std::vector<std::string>())) return {};
  return unsupported("{}: {} is not empty: this build applies low-rank changes and no whole modules or parameters", values.path(), key);
}

Result<void> check_start(const Metadata& values) {
  const auto* start = std::get_if<std::string>(values.find("init_lora_weights"));
  if (start == nullptr) return {};
  for (const std::string_view method : kChangesTheBase)
    if (start->starts_with(method))
      return unsupported("{}: init_lora_weights is '{}': the adapter is for other weights than the model's; PEFT can save it for these",
                         values.path(), escaped(*start));
  return {};
}

class PeftReader {
 public:
  PeftReader(const CheckpointFolder& folder, const AdapterBase& base, PeftConfig config, NamingScheme names)
      : folder_(folder), base_(base), config_(std::move(config)), names_(names), tensors_(folder.path().string()) {}

  Result<AdapterCheckpoint> read(std::string_view weights) {
    HB_TRY_ASSIGN(stored, open_safetensors(folder_, weights));
    AdapterCheckpoint out;
    out.file.metadata = Metadata(where());
    out.file.files = std::move(stored.files);
    out.file.warnings = std::move(config_.warnings);
    for (const StoredTensor& tensor : stored.tensors) HB_TRY(add(tensor));
    HB_TRY_INTO(out.changes, tensors_.take());
    return out;
  }

 private:
  std::string where() const { return folder_.path().string(); }

  Result<void> add(const StoredTensor& stored) {
    const SafetensorsEntry& entry = stored.entry;
    constexpr std::string_view kPrefix = "base_model.model.", kA = ".lora_A.weight", kB = ".lora_B.weight";
    std::string_view module = entry.name;
    const bool is_a = module.ends_with(kA);
    if (!is_a && !module.ends_with(kB))
      return unsupported("{}: tensor '{}' is no part of a low-rank change, NAME{} or NAME{}", where(), escaped(entry.name), kA, kB);
    module.remove_suffix(kA.size());
    if (module.starts_with(kPrefix)) module.remove_prefix(kPrefix.size());
    const auto name = gguf_name_of(std::string(module) + ".weight", names_);
    if (!name) return unsupported("{}: tensor '{}': {} has no such module", where(), escaped(entry.name), base_.architecture);
    if (name->expert)
      return unsupported("{}: tensor '{}' changes an expert; this build applies adapters to the layers that all tokens pass", where(),
                         escaped(entry.name));
    TensorLocation tensor{.name = entry.name, .shape = entry.shape, .file = stored.file, .offset = entry.offset, .bytes = entry.bytes};
    tensor.format = entry.dtype == "F32" || entry.dtype == "F16" || entry.dtype == "BF16" ? find_number_format(entry.dtype) : nullptr;
    if (tensor.format == nullptr)
      return unsupported("{}: tensor '{}' is {}; this build reads F32, F16 and BF16 here", where(), escaped(entry.name), entry.dtype);
    if (!is_a) {
      HB_TRY(turn(name->stored, tensor));
      return tensors_.add_b(name->name, std::move(tensor));
    }
    const double rank = config_.rank.of(module);
    if (!tensor.shape.empty() && static_cast<double>(tensor.shape[0]) != rank)
      return corrupt("{}: tensor '{}': {} rows, and {} gives it rank {}", where(), escaped(entry.name), tensor.shape[0], kConfig, rank);
    return tensors_.add_a(name->name, config_.scale(module), std::move(tensor));
  }

  // Rows of B are the matrix's, and go where its own went.
  Result<void> turn(StoredAs stored, TensorLocation& b) const {
    if (stored != StoredAs::kQueryHalves && stored != StoredAs::kKeyHalves) return {};
    const uint64_t heads = stored == StoredAs::kQueryHalves ? base_.heads : base_.kv_heads;
    if (b.shape.empty() || b.shape[0] % (2 * heads) != 0)
      return corrupt("{}: tensor '{}': shape [{}] is not {} heads of an even size", where(), escaped(b.name), fmt::join(b.shape, ", "),
                     heads);
    b.turn = {.kind = Turn::Kind::kAdjacentPairs, .heads = heads};
    return {};
  }

  const CheckpointFolder& folder_;
  const AdapterBase& base_;
  PeftConfig config_;
  NamingScheme names_;
  AdapterTensors tensors_;
};

}  // namespace

double PeftConfig::ByModule::of(std::string_view module) const {
  for (const auto& [pattern, number] : patterns) {
    if (pattern.starts_with('^') ? module == std::string_view(pattern).substr(1) : module == pattern || module.ends_with("." + pattern))
      return number;
  }
  return usual;
}

double PeftConfig::scale(std::string_view module) const {
  const double r = rank.of(module);
  return alpha.of(module) / (divides_by_root ? std::sqrt(r) : r);
}

Result<PeftConfig> read_peft_config(const Json& config, const std::string& path) {
  HB_TRY_ASSIGN(values, metadata_of(config, path));
  HB_TRY(values.text("peft_type"));
  PeftConfig out;
  const std::span<const KnownKey> tables[] = {kPeftKeys};
  HB_TRY(check_known_keys(values, "", tables, out.warnings));
  HB_TRY(check_empty(values, "modules_to_save"));
  HB_TRY(check_empty(values, "target_parameters"));
  HB_TRY(check_start(values));
  constexpr int kUsual = 8;  // PEFT's, for both
  HB_TRY_ASSIGN(rank, values.unsigned_integer_or("r", 1, limits::kAdapterRank, kUsual));
  out.rank.usual = static_cast<double>(rank);
  HB_TRY_INTO(out.alpha.usual, values.float_or("lora_alpha", kUsual));
  HB_TRY_INTO(out.divides_by_root, values.flag_or("use_rslora", false));
  HB_TRY(read_patterns(config, "rank_pattern", values, out.rank));
  HB_TRY(read_patterns(config, "alpha_pattern", values, out.alpha));
  for (const auto& [pattern, number] : out.rank.patterns)
    if (!(number >= 1)) return corrupt("{}: rank_pattern.{} is {}, expected at least 1", path, pattern, number);
  return out;
}

Result<AdapterCheckpoint> open_peft(const std::filesystem::path& path, std::string_view weights, const AdapterBase& base,
                                    const World& world) {
  const CheckpointFolder folder(path, world);
  HB_TRY_ASSIGN(config, folder.json(kConfig, limits::kConfigBytes));
  if (!config) return not_found("{}: no such file; an adapter's directory has {} and {}", folder.path_of(kConfig), kConfig, kPeftWeights);
  const auto names = naming_scheme_of(base.architecture);
  if (!names) return unsupported("{}: this build knows no names of modules of {}", path.string(), base.architecture);
  HB_TRY_ASSIGN(read, read_peft_config(*config, folder.path_of(kConfig)));
  return PeftReader(folder, base, std::move(read), *names).read(weights);
}

}  // namespace halfbyte
