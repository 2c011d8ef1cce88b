// Q4_1: 32 weights, w = d * q + m, q in 0..15.
//
//     | d: half | m: half | qs: 16 bytes; byte i = q[i] in the low nibble, q[i + 16] in the high |
//
// Panel group of two blocks, or one: d of each block | m of each block | per block 4 vectors as in Q4_0.
#pragma once

#include <cstddef>

#include "base/float16.h"
#include "quant/panel_parts.h"
#include "quant/scales.h"

namespace halfbyte {

struct Q4_1 {
  uint16_t d;
  uint16_t m;
  uint8_t qs[16];
  static constexpr uint32_t kLength = 32;

  bool is_finite() const { return is_finite_half(d) && is_finite_half(m); }
  void decode(float* out) const {
    const float scale = half_to_float(d);
    const float minimum = half_to_float(m);
    for (int i = 0; i < 16; ++i) {
      out[i] = scale * static_cast<float>(qs[i] & 15) + minimum;
      out[i + 16] = scale * static_cast<float>(qs[i] >> 4) + minimum;
    }
  }
};
static_assert(sizeof(Q4_1) == 20);

template <>
inline constexpr size_t kPanelGroup<Q4_1> = 64;
template <>
inline constexpr auto kPanelParts<Q4_1> = std::to_array<PanelPart>({
    {PanelPart::kHalfs, offsetof(Q4_1, d), 1},
    {PanelPart::kHalfs, offsetof(Q4_1, m), 1},
    {PanelPart::kWords, offsetof(Q4_1, qs), 4},
});

}  // namespace halfbyte
