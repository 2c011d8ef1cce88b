#include "engine/step_times.h"

#include <algorithm>

namespace halfbyte {
namespace {

constexpr double kNewest = 0.2;

}  // namespace

void StepTimes::add(int decode_tokens, int prompt_tokens, double ms) {
  if (prompt_tokens >= kLeast) {
    const double each = std::max(0.0, ms - (decode_tokens > 0 ? decode_ms(decode_tokens) : 0)) / prompt_tokens;
    prompt_ms_ = prompt_ms_ ? *prompt_ms_ + kNewest * (each - *prompt_ms_) : each;
  } else if (prompt_tokens == 0 && decode_tokens > 0) {
    double& mean = decode_ms_[static_cast<size_t>(std::min(decode_tokens, kKnown))];
    mean = mean > 0 ? mean + kNewest * (ms - mean) : ms;
  }
}

double StepTimes::decode_ms(int tokens) const {
  constexpr double kHope = 0.04;  // of a step, for a token more: low, lest what is not known is never tried
  const int at = std::clamp(tokens, 1, kKnown);
  const auto ms = [&](int n) { return decode_ms_[static_cast<size_t>(n)]; };
  int below = at, above = at;
  while (below > 0 && ms(below) == 0) --below;
  while (above <= kKnown && ms(above) == 0) ++above;
  if (below == 0) return above <= kKnown ? ms(above) : 1;
  if (below == at) return ms(at);
  if (above > kKnown) return ms(below) * (1 + kHope * (at - below));
  return ms(below) + (ms(above) - ms(below)) * (at - below) / (above - below);
}

int StepTimes::prompt_tokens(std::optional<double> target_ms, int decode_tokens, int most) const {
  const bool is_known = std::ranges::any_of(decode_ms_, [](double ms) { return ms > 0; });
  if (!is_known || decode_tokens == 0 || prompt_ms_.value_or(0) <= 0) return most;
  const double decode = decode_ms(decode_tokens);
  const double left = target_ms.value_or(std::max(kSmoothMs, kPatience * decode)) - decode;
  return static_cast<int>(std::clamp(left / *prompt_ms_, static_cast<double>(std::min(kLeast, most)), static_cast<double>(most)));
}

}  // namespace halfbyte
