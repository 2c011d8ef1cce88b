// F32, F16, BF16: a block is one value.
//
// Panel group of n columns, F32 and F16: per column the values of the 16 rows, in the width they have in the file.
// BF16: per two columns 64 bytes, lane r = both values of row r, as VDPBF16PS multiplies them; an odd last column meets 0.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>

#include "base/float16.h"
#include "quant/panel_parts.h"
#include "quant/scales.h"

namespace halfbyte {

struct F32 {
  float value;
  static constexpr uint32_t kLength = 1;
  bool is_finite() const { return std::isfinite(value); }
  void decode(float* out) const { *out = value; }
};
static_assert(sizeof(F32) == 4);

struct F16 {
  uint16_t value;
  static constexpr uint32_t kLength = 1;
  bool is_finite() const { return is_finite_half(value); }
  // half_to_float() without a branch, so that a loop over it becomes vector code: the exponent's bias grows by 112 in a
  // multiplication, which also makes subnormal halves normal. Exact, as 2^112 is.
  void decode(float* out) const {
    const uint32_t sign = static_cast<uint32_t>(value & 0x8000u) << 16;
    const uint32_t magnitude = static_cast<uint32_t>(value & 0x7fffu) << 13;
    const uint32_t finite = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112F);
    const uint32_t not_finite = magnitude >= 0x0f800000u ? 0x7f800000u : 0u;
    *out = std::bit_cast<float>(sign | finite | not_finite);
  }
};
static_assert(sizeof(F16) == 2);

struct BF16 {
  uint16_t value;
  static constexpr uint32_t kLength = 1;
  bool is_finite() const { return (value & 0x7f80u) != 0x7f80u; }
  void decode(float* out) const { *out = bfloat_to_float(value); }
};
static_assert(sizeof(BF16) == 2);

template <>
inline constexpr auto kPanelParts<F32> = std::to_array<PanelPart>({
    {PanelPart::kWords, offsetof(F32, value), 1},
});
template <>
inline constexpr auto kPanelParts<F16> = std::to_array<PanelPart>({
    {PanelPart::kHalfs, offsetof(F16, value), 1},
});
template <>
inline constexpr bool kHasPairedColumns<BF16> = true;

}  // namespace halfbyte
