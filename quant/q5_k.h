// Q5_K: 256 weights in 8 runs of 32, w = d * s * q - dmin * m, q in 0..31, s and m in 0..63 per run.
//
//     | d: half | dmin: half | scales: 12 bytes, see run_scale() | qh: 32 bytes | qs: 128 bytes |
//
//     qs as in Q4_K;  qh byte i, bit r = run r value i bit 4
//
// Panel group: d, dmin (64 B) | scales: 3 vectors | qh and the first quarter of qs: 8 vectors of each, in turn | the rest of qs: 24 vectors.
#pragma once

#include <cstddef>

#include "base/float16.h"
#include "quant/panel_parts.h"
#include "quant/scales.h"

namespace halfbyte {

struct Q5_K {
  uint16_t d;
  uint16_t dmin;
  uint8_t scales[12];
  uint8_t qh[32];
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
      for (size_t i = 0; i < 32; ++i) out[32 * run + i] = s * static_cast<float>((q[i] >> shift & 15) | (qh[i] >> run & 1) << 4) - m;
    }
  }
};
static_assert(sizeof(Q5_K) == 176);

template <>
inline constexpr auto kPanelParts<Q5_K> = [] {
  constexpr auto kScales = std::to_array<PanelPart>({
      {PanelPart::kHalfs, offsetof(Q5_K, d), 2},
      {PanelPart::kWords, offsetof(Q5_K, scales), 3},
  });
  constexpr std::array kRest = {PanelPart{PanelPart::kWords, offsetof(Q5_K, qs) + 32, 24}};
  return joined(kScales, words_in_turn<8>(offsetof(Q5_K, qh), offsetof(Q5_K, qs)), kRest);
}();

}  // namespace halfbyte
