// Q2_K: 256 weights in 16 runs of 16, w = d * s * q - dmin * m, q in 0..3, s and m in 0..15 per run.
//
//     | scales: 16 bytes, run r: m in the high nibble, s in the low | qs: 64 bytes | d: half | dmin: half |
//
//     qs byte 32h + i (h = half of 128, i = 0..31), bits 2p..2p+1 = q[128h + 32p + i]
//
// Panel group: d and dmin (one vector, lane r is row r) | scales: 4 vectors | qs: 16 vectors.
#pragma once

#include <cstddef>

#include "base/float16.h"
#include "quant/panel_parts.h"
#include "quant/scales.h"

namespace halfbyte {

struct Q2_K {
  uint8_t scales[16];
  uint8_t qs[64];
  uint16_t d;
  uint16_t dmin;
  static constexpr uint32_t kLength = 256;

  bool is_finite() const { return is_finite_half(d) && is_finite_half(dmin); }
  void decode(float* out) const {
    const float scale = half_to_float(d);
    const float minimum = half_to_float(dmin);
    for (size_t run = 0; run < 16; ++run) {
      const float s = scale * static_cast<float>(scales[run] & 15);
      const float m = minimum * static_cast<float>(scales[run] >> 4);
      const uint8_t* q = qs + run / 8 * 32 + run % 2 * 16;
      const size_t shift = run / 2 % 4 * 2;
      for (size_t i = 0; i < 16; ++i) out[16 * run + i] = s * static_cast<float>(q[i] >> shift & 3) - m;
    }
  }
};
static_assert(sizeof(Q2_K) == 84);

template <>
inline constexpr auto kPanelParts<Q2_K> = std::to_array<PanelPart>({
    {PanelPart::kWords, offsetof(Q2_K, d), 1},
    {PanelPart::kWords, offsetof(Q2_K, scales), 4},
    {PanelPart::kWords, offsetof(Q2_K, qs), 16},
});

}  // namespace halfbyte
