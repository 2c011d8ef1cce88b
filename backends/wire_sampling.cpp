#include "backends/wire_sampling.h"

#include <algorithm>

#include "backends/json_members.h"
#include "base/errors.h"
#include "sampling/fields.h"

namespace halfbyte {
namespace {

Json json_of(float value) { return {shortest_double(value)}; }
Json json_of(int value) { return {int64_t{value}}; }
Json json_of(uint64_t value) { return {value}; }

}  // namespace

Result<void> add_sampling(Json::Object& fields, const SamplingOptions& options, std::string_view SamplingField::* name,
                          std::string_view service) {
  for (const SamplingField& field : kSamplingFields) {
    if (!is_given(field, options)) continue;
    if (!(field.*name).empty())
      std::visit([&](const auto& range) { add(fields, std::string(field.*name), json_of(*(options.*range.member))); }, field.range);
    else if (!is_neutral(field, options))
      return unsupported("{}: {} has no such option", field.name, service);
  }
  const bool has_lists = name == &SamplingField::openai;
  if (!has_lists && !options.logit_bias.empty()) return unsupported("logit_bias: {} has no such option", service);
  if (!has_lists && !options.allowed_tokens.empty()) return unsupported("allowed_tokens: {} has no such option", service);
  if (!options.logit_bias.empty()) {
    Json::Object biases;
    for (const TokenBias& each : options.logit_bias)
      add(biases, std::to_string(each.token), json_of(std::max(each.bias, -100.0F)));  // which rules a token out there
    add(fields, "logit_bias", {std::move(biases)});
  }
  if (!options.allowed_tokens.empty()) {
    Json::Array allowed;
    for (const Token token : options.allowed_tokens) allowed.push_back(json_of(token));
    add(fields, "allowed_token_ids", {std::move(allowed)});  // vLLM's
  }
  return {};
}

}  // namespace halfbyte
