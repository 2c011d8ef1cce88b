#include "engine/step_times.h"

#include <algorithm>

namespace halfbyte {
namespace {

void average(std::optional<double>& mean, double value) {
  constexpr double kNewest = 0.2;
  mean = mean ? *mean + kNewest * (value - *mean) : value;
}

}  // namespace

void StepTimes::add(int prompt_tokens, bool has_decoded, double ms) {
  if (prompt_tokens == 0)
    average(decode_ms_, ms);
  else if (prompt_tokens >= kLeast)
    average(prompt_ms_, std::max(0.0, ms - (has_decoded ? decode_ms_.value_or(0) : 0)) / prompt_tokens);
}

int StepTimes::prompt_tokens(std::optional<double> target_ms, int most) const {
  if (!decode_ms_ || !prompt_ms_ || *prompt_ms_ <= 0) return most;
  const double left = target_ms.value_or(kPatience * *decode_ms_) - *decode_ms_;
  return static_cast<int>(std::clamp(left / *prompt_ms_, static_cast<double>(std::min(kLeast, most)), static_cast<double>(most)));
}

}  // namespace halfbyte
