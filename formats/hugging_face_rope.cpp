#include "formats/hugging_face_rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/errors.h"
#include "formats/known_keys.h"

namespace halfbyte {
namespace {

constexpr double kDefaultBase = 10'000;

bool has_prefix(const Metadata& config, const std::string& prefix) {
  const auto at = config.all().lower_bound(prefix);
  return at != config.all().end() && at->first.starts_with(prefix);
}

// Where the settings stand: under a prefix, with the type and the base by either of their names.
class RopeSection {
 public:
  RopeSection(const Metadata& config, std::string_view layers) : config_(config) {
    const std::string by_kind = fmt::format("rope_parameters.{}.", layers);
    if (has_prefix(config, by_kind))
      prefix_ = by_kind;
    else
      prefix_ = has_prefix(config, "rope_parameters.") ? "rope_parameters." : "rope_scaling.";
  }

  std::string key(std::string_view name) const { return prefix_ + std::string(name); }
  bool has(std::string_view name) const { return config_.contains(key(name)); }
  Result<double> positive(std::string_view name) const { return config_.positive_float(key(name)); }
  Result<double> positive_or(std::string_view name, double fallback) const { return has(name) ? positive(name) : Result<double>(fallback); }

  Result<std::string> type() const {
    HB_TRY_ASSIGN(old_name, config_.text_or(key("type"), "default"));
    return config_.text_or(key("rope_type"), std::move(old_name));
  }
  Result<double> base() const {
    if (has("rope_theta")) return positive("rope_theta");
    return config_.contains("rope_theta") ? config_.positive_float("rope_theta") : Result<double>(kDefaultBase);
  }

  // Settings this build does not know, or knows at one value only, must not be passed over.
  Result<void> check_settings() const {
    if (has_prefix(config_, "rope_parameters.") && has_prefix(config_, "rope_scaling."))
      return unsupported("{}: rope_parameters and rope_scaling: this build reads one of them", config_.path());
    static constexpr std::string_view kKnown[] = {"type",
                                                  "rope_type",
                                                  "rope_theta",
                                                  "factor",
                                                  "low_freq_factor",
                                                  "high_freq_factor",
                                                  "original_max_position_embeddings",
                                                  "attention_factor",
                                                  "beta_fast",
                                                  "beta_slow"};
    static constexpr KnownKey kAtOneValue[] = {key_only("partial_rotary_factor", 1), key_only("truncate", 1)};
    const std::span<const KnownKey> at_one_value = kAtOneValue;
    std::vector<std::string> unknown;
    Metadata others(config_.path());
    for (auto at = config_.all().lower_bound(prefix_); at != config_.all().end() && at->first.starts_with(prefix_); ++at)
      if (std::ranges::find(kKnown, std::string_view(at->first).substr(prefix_.size())) == std::end(kKnown))
        others.insert(at->first, at->second);
    HB_TRY(check_known_keys(others, prefix_, {&at_one_value, 1}, unknown));
    if (!unknown.empty()) return unsupported("{}", unknown.front());
    return {};
  }

 private:
  const Metadata& config_;
  std::string prefix_;
};

// 1 for short waves, `factor` for long ones, smooth between (Llama 3.1).
Result<std::vector<float>> llama3_factors(const RopeSection& rope, double base, uint64_t head_dim) {
  HB_TRY_ASSIGN(factor, rope.positive("factor"));
  HB_TRY_ASSIGN(low, rope.positive("low_freq_factor"));
  HB_TRY_ASSIGN(high, rope.positive("high_freq_factor"));
  HB_TRY_ASSIGN(context, rope.positive("original_max_position_embeddings"));
  std::vector<float> out;
  for (uint64_t i = 0; i < head_dim; i += 2) {
    const double wavelength = 2 * std::numbers::pi * std::pow(base, static_cast<double>(i) / static_cast<double>(head_dim));
    if (wavelength < context / high) {
      out.push_back(1);
    } else if (wavelength > context / low) {
      out.push_back(static_cast<float>(factor));
    } else {
      const double smooth = (context / wavelength - low) / (high - low);
      out.push_back(static_cast<float>(1 / ((1 - smooth) / factor + smooth)));
    }
  }
  return out;
}

}  // namespace

Result<void> read_rope_settings(const Metadata& config, std::string_view layers, std::string_view architecture, uint64_t head_dim,
                                Metadata& out, std::vector<float>& factors) {
  const RopeSection rope(config, layers);
  const auto put = [&](std::string_view key, MetadataValue value) {
    out.insert(fmt::format("{}.rope.{}", architecture, key), std::move(value));
  };
  HB_TRY(rope.check_settings());
  HB_TRY_ASSIGN(type, rope.type());
  HB_TRY_ASSIGN(base, rope.base());
  put("dimension_count", head_dim);
  put("freq_base", static_cast<double>(static_cast<float>(base)));
  if (type == "default") return {};
  if (type == "llama3" && architecture == "llama") {
    HB_TRY_INTO(factors, llama3_factors(rope, base, head_dim));
    return {};
  }
  if (type != "linear" && type != "yarn")
    return unsupported("{}: {} is '{}'; this build runs default, linear, yarn, and llama3 for llama", config.path(), rope.key("rope_type"),
                       escaped(type));
  HB_TRY_ASSIGN(factor, rope.positive("factor"));
  put("scaling.type", type);
  put("scaling.factor", static_cast<double>(static_cast<float>(factor)));
  if (type == "linear") return {};
  if (rope.has("original_max_position_embeddings")) {
    HB_TRY_ASSIGN(original, config.unsigned_integer(rope.key("original_max_position_embeddings"), 1, uint64_t{1} << 30));
    put("scaling.original_context_length", original);
  }
  for (const std::string_view name : {"beta_fast", "beta_slow"}) {
    if (!rope.has(name)) continue;
    HB_TRY_ASSIGN(turns, rope.positive(name));
    put(fmt::format("scaling.yarn_{}", name), turns);
  }
  if (rope.has("attention_factor")) {
    // GGUF's multiplies the paper's magnitude, transformers' stands instead of it.
    HB_TRY_ASSIGN(magnitude, rope.positive("attention_factor"));
    put("scaling.attn_factor", magnitude / (factor > 1 ? 0.1 * std::log(factor) + 1 : 1));
  }
  return {};
}

Result<double> sliding_rope_base(const Metadata& config) {
  if (!has_prefix(config, "rope_parameters.sliding_attention.")) {
    if (config.contains("rope_local_base_freq")) return config.positive_float("rope_local_base_freq");
    return kDefaultBase;
  }
  const RopeSection rope(config, "sliding_attention");
  HB_TRY(rope.check_settings());
  HB_TRY_ASSIGN(type, rope.type());
  if (type != "default") return unsupported("{}: {} is '{}', expected default", config.path(), rope.key("rope_type"), escaped(type));
  return rope.base();
}

}  // namespace halfbyte
