// How long prompts and replies of a load are.
#pragma once

#include <random>
#include <string>
#include <string_view>

#include "halfbyte/result.h"

namespace halfbyte {

// "N", "LEAST..GREATEST" (each as likely as the next) or "lognormal:MEDIAN:SIGMA", in tokens, at least 1.
class Lengths {
 public:
  static Result<Lengths> parse(std::string_view text);

  // Takes as many numbers from `random` each time. A lognormal length beyond `longest` becomes that.
  int draw(std::mt19937_64& random, int longest) const;
  // The greatest that it can be; `longest` for a lognormal one.
  int greatest(int longest) const;
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  int least_ = 1, greatest_ = 1;
  double median_ = 0, sigma_ = 0;  // median 0: uniform
};

// In [0, 1), with the same bits everywhere, which std::uniform_real_distribution does not promise.
double uniform(std::mt19937_64& random);

}  // namespace halfbyte
