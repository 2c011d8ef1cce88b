// Arithmetic on sizes that come from outside. No raw * or + on such values anywhere: these say when the result would wrap.
#pragma once

#include <cstdint>
#include <optional>

namespace halfbyte {

[[nodiscard]] inline std::optional<uint64_t> checked_add(uint64_t a, uint64_t b) {
  uint64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

[[nodiscard]] inline std::optional<uint64_t> checked_mul(uint64_t a, uint64_t b) {
  uint64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

// The next multiple of `step`. Requires: `step` is a power of two.
[[nodiscard]] inline std::optional<uint64_t> checked_round_up(uint64_t a, uint64_t step) {
  const auto sum = checked_add(a, step - 1);
  if (!sum) return std::nullopt;
  return *sum & ~(step - 1);
}

// The same for values of our own. Requires: the result does not wrap.
constexpr uint64_t round_up(uint64_t a, uint64_t step) { return (a + step - 1) / step * step; }
constexpr uint64_t ceil_div(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

}  // namespace halfbyte
