#include "sampling/fields.h"

#include <cmath>

#include "base/errors.h"

namespace halfbyte {

Result<void> check(const SamplingOptions& options) {
  for (const SamplingField& field : kSamplingFields)
    HB_TRY(std::visit(
        [&](const auto& range) -> Result<void> {
          const auto& value = options.*range.member;
          if (!value || (*value >= range.least && *value <= range.greatest)) return {};  // not-a-number is neither
          return invalid("{}: expected {} to {}, found {}", field.name, range.least, range.greatest, *value);
        },
        field.range));
  constexpr size_t kMostTokens = 4096;
  if (options.logit_bias.size() > kMostTokens || options.allowed_tokens.size() > kMostTokens)
    return invalid("logit_bias and allowed_tokens: expected at most {} tokens each, found {} and {}", kMostTokens,
                   options.logit_bias.size(), options.allowed_tokens.size());
  for (const TokenBias& each : options.logit_bias)
    if (!(std::abs(each.bias) <= 100) && each.bias != -std::numeric_limits<float>::infinity())
      return invalid("logit_bias: token {}: expected -100 to 100 or -inf, found {}", each.token, each.bias);
  return {};
}

SamplingOptions with_defaults(SamplingOptions options) {
  for (const SamplingField& field : kSamplingFields)
    std::visit([&](const auto& range) { options.*range.member = (options.*range.member).value_or(range.otherwise); }, field.range);
  return options;
}

SamplingOptions with_others(SamplingOptions options, const SamplingOptions& others) {
  for (const SamplingField& field : kSamplingFields)
    std::visit(
        [&](const auto& range) {
          if (!(options.*range.member)) options.*range.member = others.*range.member;
        },
        field.range);
  return options;
}

bool is_given(const SamplingField& field, const SamplingOptions& options) {
  return std::visit([&](const auto& range) { return (options.*range.member).has_value(); }, field.range);
}

bool is_neutral(const SamplingField& field, const SamplingOptions& options) {
  return std::visit([&](const auto& range) { return (options.*range.member).value_or(range.neutral) == range.neutral; }, field.range);
}

std::string value_text(const SamplingField& field, const SamplingOptions& options) {
  return std::visit([&](const auto& range) { return fmt::format("{}", (options.*range.member).value_or(range.otherwise)); }, field.range);
}

}  // namespace halfbyte
