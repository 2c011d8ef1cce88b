#include "cli/stored_defaults.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/errors.h"
#include "base/json.h"
#include "cli/options.h"

namespace halfbyte {
namespace {

constexpr double kMostContext = 1 << 24;

// An option of ours under Ollama's name. `in_our_range` says what its values outside our range mean there.
struct Translation {
  std::string_view ollama, ours;
  double (*in_our_range)(double) = nullptr;
};
double at_least_0(double value) { return std::max(value, 0.0); }
constexpr Translation kNames[] = {
    {"temperature", "temperature", at_least_0},
    {"top_k", "top-k", at_least_0},
    {"top_p", "top-p", [](double value) { return std::clamp(value, 0.0, 1.0); }},
    {"min_p", "min-p", at_least_0},
    {"repeat_penalty", "repeat-penalty"},
    {"presence_penalty", "presence-penalty"},
    {"frequency_penalty", "frequency-penalty"},
    {"repeat_last_n", "repeat-window", [](double value) { return std::max(value, -1.0); }},
    {"num_predict", "max-tokens", [](double value) { return value < 0 ? -1.0 : value; }},  // -2: until the context is full, as -1
};

// What does not change an answer, or what Ollama itself passes over.
constexpr std::string_view kWithoutEffect[] = {
    "num_thread",   "num_batch",    "num_gpu",  "main_gpu",   "use_mmap",       "use_mlock",         "numa",
    "low_vram",     "f16_kv",       "num_keep", "vocab_only", "logits_all",     "penalize_newline",  "mirostat",
    "mirostat_tau", "mirostat_eta", "tfs_z",    "num_gqa",    "embedding_only", "draft_num_predict",
};
// What changes an answer unless it has this value, and is not done here.
struct Neutral {
  std::string_view name;
  double value;
};
constexpr Neutral kNotDone[] = {{"typical_p", 1}, {"rope_frequency_base", 0}, {"rope_frequency_scale", 1}};

// A number, however it is written; nothing: of another type.
std::optional<double> number_of(const Json& json) {
  return std::visit(
      [](const auto& value) -> std::optional<double> {
        using T = std::remove_cvref_t<decltype(value)>;
        if constexpr (std::is_same_v<T, bool> || !std::is_arithmetic_v<T>)
          return std::nullopt;
        else
          return static_cast<double>(value);
      },
      json.value);
}

Error another_type(std::string_view name, std::string_view expected) {
  return corrupt("the model's parameters: {}: expected {}", escaped(name), expected);
}

Result<std::vector<std::string>> texts(const Json& json) {
  std::vector<std::string> all;
  if (json.text() != nullptr)
    all.push_back(*json.text());
  else if (json.array() == nullptr)
    return another_type("stop", "text or a list of texts");
  if (json.array() != nullptr)
    for (const Json& item : *json.array()) {
      if (item.text() == nullptr) return another_type("stop", "text or a list of texts");
      all.push_back(*item.text());
    }
  std::erase(all, "");
  return all;
}

// The seed keeps all its 64 bits; a negative one draws one, as without.
Result<void> set_seed(const Json& json, Request& request) {
  if (const auto* whole = std::get_if<uint64_t>(&json.value))
    request.sampling.seed = *whole;
  else if (const auto* number = std::get_if<int64_t>(&json.value)) {
    if (*number >= 0) request.sampling.seed = static_cast<uint64_t>(*number);
  } else if (const auto real = number_of(json); real && *real == std::floor(*real)) {
    if (*real >= 0 && *real < 0x1p64) request.sampling.seed = static_cast<uint64_t>(*real);
  } else
    return another_type("seed", "a whole number");
  return {};
}

}  // namespace

Result<StoredDefaults> apply_stored_defaults(std::string_view parameters, std::span<const std::string_view> given, Request& request) {
  StoredDefaults defaults;
  if (parameters.empty()) return defaults;
  HB_TRY_ASSIGN(json, parse_json(parameters, "the model's parameters"));
  const auto* members = json.object();
  if (members == nullptr) return corrupt("the model's parameters: expected a JSON object");
  const auto was_given = [&](std::string_view name) { return std::ranges::find(given, name) != given.end(); };
  for (const JsonMember& member : *members) {
    const std::string& name = member.key;
    if (std::holds_alternative<std::nullptr_t>(member.value.value) || std::ranges::find(kWithoutEffect, name) != std::end(kWithoutEffect))
      continue;
    if (name == "stop") {
      HB_TRY_ASSIGN(stop, texts(member.value));
      if (!was_given("stop")) request.stop = std::move(stop);
      continue;
    }
    if (name == "seed") {
      if (!was_given("seed")) HB_TRY(set_seed(member.value, request));
      continue;
    }
    const auto known = std::ranges::find(kNames, name, &Translation::ollama);
    const auto not_done = std::ranges::find(kNotDone, name, &Neutral::name);
    if (known == std::end(kNames) && not_done == std::end(kNotDone) && name != "num_ctx") {
      defaults.notes.push_back(fmt::format("the option {}, which is not known", escaped(name)));
      continue;
    }
    const auto number = number_of(member.value);
    if (!number) return another_type(name, "a number");
    if (name == "num_ctx") {
      if (*number < 0 || *number > kMostContext)
        return invalid("the model's parameters: num_ctx: {} is out of range: expected 0 to {}", *number, kMostContext);
      defaults.context_tokens = static_cast<int>(*number);
    } else if (not_done != std::end(kNotDone)) {
      if (*number != not_done->value) defaults.notes.push_back(fmt::format("the option {} {}, which is not done", name, *number));
    } else if (!was_given(known->ours)) {
      const double ours = known->in_our_range != nullptr ? known->in_our_range(*number) : *number;
      const auto set = set_reply_option(request, std::string(known->ours), fmt::format("{}", ours));
      if (!set) return invalid("the model's parameters: {}", set.error().message);
    }
  }
  return defaults;
}

}  // namespace halfbyte
