// Q4_K: 256 weights in 8 runs of 32, w = d * s * q - dmin * m, q in 0..15, s and m in 0..63 per run.
//
//     | d: half | dmin: half | scales: 12 bytes, see run_scale() | qs: 128 bytes |
//
//     qs byte 32p + i (p = pair of runs, i = 0..31): low nibble = run 2p value i, high nibble = run 2p + 1 value i
//
// Panel group: d, dmin (64 B) | scales: 3 vectors | qs: 32 vectors.
#pragma once

#include <cstddef>

#include "base/float16.h"
#include "quant/panel_parts.h"
#include "quant/scales.h"

namespace halfbyte {

struct Q4_K {
  uint16_t d;
  uint16_t dmin;
  uint8_t scales[12];
  uint8_t qs[128];
  static constexpr uint32_t kLength = 256;

  bool is_finite() const { return is_finite_half(d) && is_finite_half(dmin); }
  void decode(float* out) const {
    const float scale = half_to_float(d);
    const float minimum = half_to_float(dmin);
    for (size_t run = 0; run < 8; ++run) {
      const RunScale of_run = run_scale(scales, run);
      const float s = scale * static_cast<float>(of_run.scale);
      const float m = minimum * static_cast<float>(of_run.minimum);
      const uint8_t* q = qs + run / 2 * 32;
      const size_t shift = run % 2 * 4;
      for (size_t i = 0; i < 32; ++i) out[32 * run + i] = s * static_cast<float>(q[i] >> shift & 15) - m;
    }
  }
};
static_assert(sizeof(Q4_K) == 144);

template <>
inline constexpr auto kPanelParts<Q4_K> = std::to_array<PanelPart>({
    {PanelPart::kHalfs, offsetof(Q4_K, d), 2},
    {PanelPart::kWords, offsetof(Q4_K, scales), 3},
    {PanelPart::kWords, offsetof(Q4_K, qs), 32},
});

}  // namespace halfbyte
