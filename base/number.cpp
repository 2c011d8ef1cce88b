#include "base/number.h"

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

Result<uint64_t> parse_size(std::string_view text) {
  constexpr std::string_view kLetters = "KMGT";
  std::string_view digits = text;
  const bool is_binary = digits.ends_with("i");
  if (is_binary) digits.remove_suffix(1);
  uint64_t unit = 1;
  if (const size_t letter = digits.empty() ? kLetters.npos : kLetters.find(digits.back()); letter != kLetters.npos) {
    for (size_t i = 0; i <= letter; ++i) unit *= is_binary ? 1024 : 1000;
    digits.remove_suffix(1);
  }
  constexpr uint64_t kMost = uint64_t{1} << 50;
  const auto count = parse_number<uint64_t>(digits, 1, kMost / unit);
  if (!count || (is_binary && unit == 1))
    return invalid("'{}' is not a size: expected bytes, or a number with K, M, G, T, Ki, Mi, Gi or Ti", escaped(text));
  return *count * unit;
}

template Result<int> parse_number(std::string_view, int, int);
template Result<uint64_t> parse_number(std::string_view, uint64_t, uint64_t);
template Result<float> parse_number(std::string_view, float, float);

}  // namespace halfbyte
