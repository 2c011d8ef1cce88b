#include "measure/lengths.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>
#include <optional>

#include "base/errors.h"

namespace halfbyte {
namespace {

constexpr int kMostTokens = 1 << 20;

template <class T>
std::optional<T> number(std::string_view text, T least, T greatest) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !(value >= least && value <= greatest)) return {};
  return value;
}

}  // namespace

double uniform(std::mt19937_64& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }

Result<Lengths> Lengths::parse(std::string_view text) {
  constexpr std::string_view kLognormal = "lognormal:";
  Lengths lengths;
  lengths.text_ = text;
  if (text.starts_with(kLognormal)) {
    const std::string_view rest = text.substr(kLognormal.size());
    const size_t colon = std::min(rest.find(':'), rest.size());
    const auto median = number(rest.substr(0, colon), 1.0, double{kMostTokens});
    const auto sigma = number(rest.substr(std::min(colon + 1, rest.size())), 0.0, 10.0);
    if (median && sigma) {
      lengths.median_ = *median;
      lengths.sigma_ = *sigma;
      return lengths;
    }
  } else {
    const size_t dots = text.find("..");
    const auto least = number(text.substr(0, dots), 1, kMostTokens);
    const auto greatest = dots == std::string_view::npos ? least : number(text.substr(dots + 2), 1, kMostTokens);
    if (least && greatest && *least <= *greatest) {
      lengths.least_ = *least;
      lengths.greatest_ = *greatest;
      return lengths;
    }
  }
  return invalid("'{}' is no length: expected N, LEAST..GREATEST or lognormal:MEDIAN:SIGMA, in tokens from 1 to {}", escaped(text),
                 kMostTokens);
}

int Lengths::draw(std::mt19937_64& random, int longest) const {
  const double first = uniform(random), second = uniform(random);
  if (median_ == 0) return least_ + static_cast<int>(first * (greatest_ - least_ + 1));
  // Box and Muller; 1 - u is above 0.
  const double normal = std::sqrt(-2 * std::log(1 - first)) * std::cos(2 * std::numbers::pi * second);
  return static_cast<int>(std::clamp(std::round(median_ * std::exp(sigma_ * normal)), 1.0, static_cast<double>(longest)));
}

int Lengths::greatest(int longest) const { return median_ == 0 ? greatest_ : longest; }

}  // namespace halfbyte
