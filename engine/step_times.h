// How long steps take here, learnt from those that ran, and so how much of a prompt a step may carry while others wait for their next
// token. Plain values; the tokens of a reply do not depend on them.
#pragma once

#include <optional>

namespace halfbyte {

class StepTimes {
 public:
  // A step of so many prompt tokens beside sequences that decode took `ms`.
  void add(int prompt_tokens, bool has_decoded, double ms);
  // Prompt tokens with which a step stays under `target_ms`; at most `most`. Without a target: kPatience times a step that only decodes,
  // for prompts that are read in larger pieces are read faster. Never less than kLeast: a prompt goes on, whatever the target.
  int prompt_tokens(std::optional<double> target_ms, int most) const;

  static constexpr int kLeast = 16;
  static constexpr double kPatience = 4;

 private:
  std::optional<double> decode_ms_;  // of a step that only decodes
  std::optional<double> prompt_ms_;  // of a prompt token
};

}  // namespace halfbyte
