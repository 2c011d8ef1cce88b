// How long steps take here, learnt from those that ran: how much of a prompt a step may carry while others wait for their next token, and
// what checking guessed tokens costs. Plain values; the tokens of a reply do not depend on them.
#pragma once

#include <array>
#include <optional>

namespace halfbyte {

class StepTimes {
 public:
  // A step of so many tokens of sequences that decode, and of prompts, took `ms`.
  void add(int decode_tokens, int prompt_tokens, double ms);
  // What a step of so many tokens that only decodes takes; between those that ran by a straight line, beyond them hopefully. 1 if none ran.
  double decode_ms(int tokens) const;
  // Prompt tokens with which a step that decodes so many others stays under `target_ms`; at most `most`. Without a target: kSmoothMs,
  // or kPatience times the step without them where that is more. Never less than kLeast: a prompt goes on, whatever
  // the target.
  int prompt_tokens(std::optional<double> target_ms, int decode_tokens, int most) const;

  static constexpr int kLeast = 16;
  static constexpr double kPatience = 4, kSmoothMs = 100;  // ten tokens a second read as a flow

 private:
  static constexpr int kKnown = 128;
  std::array<double, kKnown + 1> decode_ms_{};  // by tokens; 0: not known
  std::optional<double> prompt_ms_;             // of a prompt token
};

}  // namespace halfbyte
