#include "backends/stored_defaults.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "base/errors.h"
#include "base/json.h"
#include "formats/checkpoint.h"
#include "sampling/fields.h"

namespace halfbyte {
namespace {

constexpr double kMostContext = 1 << 24;

// What an option's values outside our range mean to Ollama.
struct Outside {
  std::string_view ollama;
  double (*in_our_range)(double);
};
double at_least_0(double value) { return std::max(value, 0.0); }
constexpr Outside kOutside[] = {
    {"temperature", at_least_0},
    {"top_k", at_least_0},
    {"top_p", [](double value) { return std::clamp(value, 0.0, 1.0); }},
    {"min_p", at_least_0},
    {"repeat_last_n", [](double value) { return std::max(value, -1.0); }},
    {"num_predict", [](double value) { return value < 0 ? -1.0 : value; }},  // -2: until the context is full, as -1
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
constexpr Neutral kNotDone[] = {{"rope_frequency_base", 0}, {"rope_frequency_scale", 1}};

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

// The seed keeps all its 64 bits; a negative one is none.
Result<std::optional<uint64_t>> seed_of(const Json& json) {
  if (const auto* whole = std::get_if<uint64_t>(&json.value)) return std::optional(*whole);
  if (const auto* whole = std::get_if<int64_t>(&json.value))
    return *whole >= 0 ? std::optional(static_cast<uint64_t>(*whole)) : std::nullopt;
  const auto real = number_of(json);
  if (!real || *real != std::floor(*real)) return another_type("seed", "a whole number");
  return *real >= 0 && *real < 0x1p64 ? std::optional(static_cast<uint64_t>(*real)) : std::nullopt;
}

// Ours under Ollama's name; null: there is none.
const ReplyOption* option_of(std::string_view ollama) {
  for (const ReplyOption& option : reply_options())
    if (option.ollama() == ollama) return &option;
  return nullptr;
}

// By the user, or of no meaning to what the user asks for: a beam search draws nothing. Of the second list a model brings the longest reply alone.
bool is_chosen(const ReplyOption& option, const ChosenReply& reply) {
  const auto* const* sampling = std::get_if<const SamplingField*>(&option.field);
  if (sampling == nullptr) return reply.has_max_tokens;
  return reply.request.beam_search || is_given(**sampling, reply.request.sampling);
}

}  // namespace

Result<StoredDefaults> apply_stored_defaults(std::string_view parameters, ChosenReply& reply) {
  StoredDefaults defaults;
  if (parameters.empty()) return defaults;
  HB_TRY_ASSIGN(json, parse_json(parameters, "the model's parameters"));
  const auto* members = json.object();
  if (members == nullptr) return corrupt("the model's parameters: expected a JSON object");
  Request& request = reply.request;
  for (const JsonMember& member : *members) {
    const std::string& name = member.key;
    if (std::holds_alternative<std::nullptr_t>(member.value.value) || std::ranges::find(kWithoutEffect, name) != std::end(kWithoutEffect))
      continue;
    if (name == "stop") {
      HB_TRY_ASSIGN(stop, texts(member.value));
      if (!reply.has_stop) request.stop = std::move(stop);
      continue;
    }
    if (name == "seed") {
      HB_TRY_ASSIGN(seed, seed_of(member.value));
      if (!request.sampling.seed) request.sampling.seed = seed;
      continue;
    }
    const ReplyOption* option = option_of(name);
    const auto not_done = std::ranges::find(kNotDone, name, &Neutral::name);
    if (option == nullptr && not_done == std::end(kNotDone) && name != "num_ctx") {
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
    } else if (!is_chosen(*option, reply)) {
      const auto outside = std::ranges::find(kOutside, name, &Outside::ollama);
      const double ours = outside != std::end(kOutside) ? outside->in_our_range(*number) : *number;
      const auto set = set_reply_option(request, option->name, fmt::format("{}", ours));
      if (!set) return invalid("the model's parameters: {}", set.error().message);
    }
  }
  return defaults;
}

Result<int> stored_context(const std::filesystem::path& model, int context_tokens) {
  if (context_tokens == 0) return 0;
  HB_TRY_ASSIGN(file, open_checkpoint(model));
  HB_TRY_ASSIGN(architecture, file.metadata.text("general.architecture"));
  HB_TRY_ASSIGN(most, file.metadata.unsigned_integer(architecture + ".context_length", 1, std::numeric_limits<int>::max()));
  return std::min(context_tokens, static_cast<int>(most));
}

}  // namespace halfbyte
