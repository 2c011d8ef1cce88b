// Q4_0: 32 weights, w = d * (q - 8), q in 0..15.
//
//     | d: half | qs: 16 bytes; byte i = q[i] in the low nibble, q[i + 16] in the high |
//
// Panel group of two blocks, or one: d of each block | per block 4 vectors: low nibbles are columns 4v..4v+3, high ones 16 more.
#pragma once

#include <cstddef>

#include "base/float16.h"
#include "quant/panel_parts.h"
#include "quant/scales.h"

namespace halfbyte {

struct Q4_0 {
  uint16_t d;
  uint8_t qs[16];
  static constexpr uint32_t kLength = 32;

  bool is_finite() const { return is_finite_half(d); }
  void decode(float* out) const {
    const float scale = half_to_float(d);
    for (int i = 0; i < 16; ++i) {
      out[i] = scale * static_cast<float>((qs[i] & 15) - 8);
      out[i + 16] = scale * static_cast<float>((qs[i] >> 4) - 8);
    }
  }
};
static_assert(sizeof(Q4_0) == 18);

template <>
inline constexpr size_t kPanelGroup<Q4_0> = 64;
template <>
inline constexpr auto kPanelParts<Q4_0> = std::to_array<PanelPart>({
    {PanelPart::kHalfs, offsetof(Q4_0, d), 1},
    {PanelPart::kWords, offsetof(Q4_0, qs), 4},
});

}  // namespace halfbyte
