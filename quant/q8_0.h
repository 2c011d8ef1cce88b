// Q8_0: 32 weights, w = d * q, q in -128..127.
//
//     | d: half | qs: 32 signed bytes |
//
// Panel group of n blocks: d of each block | per block 8 vectors, vector v = columns 4v..4v+3.
#pragma once

#include <cstddef>

#include "base/float16.h"
#include "quant/panel_parts.h"
#include "quant/scales.h"

namespace halfbyte {

struct Q8_0 {
  uint16_t d;
  int8_t qs[32];
  static constexpr uint32_t kLength = 32;

  bool is_finite() const { return is_finite_half(d); }
  void decode(float* out) const {
    const float scale = half_to_float(d);
    for (int i = 0; i < 32; ++i) out[i] = scale * static_cast<float>(qs[i]);
  }
};
static_assert(sizeof(Q8_0) == 34);

template <>
inline constexpr auto kPanelParts<Q8_0> = std::to_array<PanelPart>({
    {PanelPart::kHalfs, offsetof(Q8_0, d), 1},
    {PanelPart::kWords, offsetof(Q8_0, qs), 8},
});

}  // namespace halfbyte
