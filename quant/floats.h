// F32, F16, BF16: a block is one value.
#pragma once

#include <cmath>

#include "base/float16.h"
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
  void decode(float* out) const { *out = half_to_float(value); }
};
static_assert(sizeof(F16) == 2);

struct BF16 {
  uint16_t value;
  static constexpr uint32_t kLength = 1;
  bool is_finite() const { return (value & 0x7f80u) != 0x7f80u; }
  void decode(float* out) const { *out = bfloat_to_float(value); }
};
static_assert(sizeof(BF16) == 2);

}  // namespace halfbyte
