#include "cli/number.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "base/errors.h"

namespace halfbyte {

template <class T>
Result<T> parse_number(std::string_view text, T least, T greatest) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole_text = end == text.data() + text.size();
  if (whole_text && error == std::errc{} && value >= least && value <= greatest) return value;
  const bool is_nan = std::is_floating_point_v<T> && std::isnan(static_cast<double>(value));
  const bool is_number = whole_text && (error == std::errc{} || error == std::errc::result_out_of_range) && !is_nan;
  if (is_number) return invalid("{} is out of range: expected {} to {}", escaped(text), least, greatest);
  return invalid("'{}' is not a {}: expected {} to {}", escaped(text), std::is_integral_v<T> ? "whole number" : "number", least, greatest);
}

template Result<int> parse_number(std::string_view, int, int);
template Result<uint64_t> parse_number(std::string_view, uint64_t, uint64_t);
template Result<float> parse_number(std::string_view, float, float);

}  // namespace halfbyte
