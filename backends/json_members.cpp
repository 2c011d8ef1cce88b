#include "backends/json_members.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "sampling/fields.h"
#include "sampling/reply_fields.h"

namespace halfbyte {

void add(Json::Object& object, std::string key, Json value) { object.push_back({std::move(key), std::move(value)}); }

void add_stop(Json::Object& object, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  Json::Array stop;
  for (const std::string& text : texts) stop.push_back({text});
  add(object, "stop", {std::move(stop)});
}

double shortest_double(float number) {
  char digits[64];
  const char* end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  double same = 0;
  std::from_chars(digits, end, same);
  return same;
}

void write_sampling(JsonWriter& json, const CompletionOptions& options) {
  const SamplingOptions& sampling = options.sampling;
  json.member("max_new_tokens", options.max_new_tokens).member("temperature", sampling.temperature);
  json.member("top_k", sampling.top_k).member("top_p", sampling.top_p);
  constexpr std::string_view kAlways[] = {"temperature", "top_k", "top_p", "seed"};
  for (const SamplingField& field : kSamplingFields)
    if (std::ranges::find(kAlways, field.name) == std::end(kAlways) && is_given(field, sampling))
      std::visit([&](const auto& range) { json.member(field.name, sampling.*range.member); }, field.range);
  for (const ReplyField<CompletionOptions>& field : kReplyFields<CompletionOptions>)
    if (is_given(field, options)) std::visit([&](const auto member) { json.member(field.name, options.*member); }, field.member);
}

std::string sampling_json(const CompletionOptions& options) {
  JsonWriter json;
  json.begin_object();
  write_sampling(json, options);
  return json.end_object().take();
}

std::optional<double> number_member(const Json& object, std::string_view key) {
  const Json* member = object.find(key);
  if (member == nullptr) return std::nullopt;
  if (const auto* whole = std::get_if<int64_t>(&member->value)) return static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(&member->value)) return *real;
  return std::nullopt;
}

}  // namespace halfbyte
