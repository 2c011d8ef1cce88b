#include "cli/stored_defaults.h"

#include <algorithm>

#include "base/errors.h"
#include "base/json.h"
#include "cli/options.h"

namespace halfbyte {
namespace {

struct Translation {
  std::string_view ollama, ours;
};
constexpr Translation kNames[] = {
    {"temperature", "temperature"},
    {"top_k", "top-k"},
    {"top_p", "top-p"},
    {"min_p", "min-p"},
    {"repeat_penalty", "repeat-penalty"},
    {"presence_penalty", "presence-penalty"},
    {"frequency_penalty", "frequency-penalty"},
    {"repeat_last_n", "repeat-window"},
    {"seed", "seed"},
    {"num_predict", "max-tokens"},
};

std::string number_text(const Json& json) {
  return std::visit(
      [](const auto& value) -> std::string {
        if constexpr (std::is_arithmetic_v<std::remove_cvref_t<decltype(value)>>)
          return fmt::format("{}", value);
        else
          return "no number";
      },
      json.value);
}

std::vector<std::string> texts(const Json& json) {
  std::vector<std::string> all;
  if (json.text() != nullptr) all.push_back(*json.text());
  if (json.array() != nullptr)
    for (const Json& item : *json.array())
      if (item.text() != nullptr && !item.text()->empty()) all.push_back(*item.text());
  return all;
}

}  // namespace

Result<void> apply_stored_defaults(std::string_view parameters, std::span<const std::string_view> given, Request& request) {
  if (parameters.empty()) return {};
  HB_TRY_ASSIGN(json, parse_json(parameters, "the model's parameters"));
  const auto* members = json.object();
  if (members == nullptr) return corrupt("the model's parameters: expected a JSON object");
  const auto was_given = [&](std::string_view name) { return std::ranges::find(given, name) != given.end(); };
  for (const JsonMember& member : *members) {
    if (member.key == "stop" && !was_given("stop")) request.stop = texts(member.value);
    const auto known = std::ranges::find(kNames, member.key, &Translation::ollama);
    if (known == std::end(kNames) || was_given(known->ours)) continue;
    const auto set = set_reply_option(request, std::string(known->ours), number_text(member.value));
    if (!set) return invalid("the model's parameters: {}", set.error().message);
  }
  return {};
}

}  // namespace halfbyte
