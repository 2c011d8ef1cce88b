// Q6_K: 256 weights in 16 runs of 16, w = d * s * (q - 32), q in 0..63, s a signed byte per run.
//
//     | ql: 128 bytes | qh: 64 bytes | scales: 16 signed bytes | d: half |
//
//     value 128h + 32p + i (h = half, p = 0..3, i = 0..31):
//     ql byte 64h + 32(p % 2) + i, nibble p / 2 = its bits 0..3;   qh byte 32h + i, bits 2p..2p+1 = its bits 4..5
//
// Panel group: d as 16 float32 (a half is exact in float32) | scales: 4 vectors | of each 128 columns: qh and the first half of ql: 8 vectors
// of each, in turn; the other half of ql: 8 vectors.
#pragma once

#include <cstddef>

#include "base/float16.h"
#include "quant/panel_parts.h"
#include "quant/scales.h"

namespace halfbyte {

struct Q6_K {
  uint8_t ql[128];
  uint8_t qh[64];
  int8_t scales[16];
  uint16_t d;
  static constexpr uint32_t kLength = 256;

  bool is_finite() const { return is_finite_half(d); }
  void decode(float* out) const {
    const float scale = half_to_float(d);
    for (size_t run = 0; run < 16; ++run) {
      const float s = scale * static_cast<float>(scales[run]);
      const size_t half = run / 8, part = run / 2 % 4, first = run % 2 * 16;
      const uint8_t* low = ql + 64 * half + 32 * (part % 2) + first;
      const uint8_t* high = qh + 32 * half + first;
      const size_t low_shift = part / 2 * 4;
      const size_t high_shift = part * 2;
      for (size_t i = 0; i < 16; ++i)
        out[16 * run + i] = s * static_cast<float>(((low[i] >> low_shift & 15) | (high[i] >> high_shift & 3) << 4) - 32);
    }
  }
};
static_assert(sizeof(Q6_K) == 210);

template <>
inline constexpr auto kPanelParts<Q6_K> = [] {
  constexpr auto kScales = std::to_array<PanelPart>({
      {PanelPart::kHalfsAsFloats, offsetof(Q6_K, d), 1},
      {PanelPart::kWords, offsetof(Q6_K, scales), 4},
  });
  constexpr auto half = [](size_t ql, size_t qh) {
    const std::array rest = {PanelPart{PanelPart::kWords, ql + 32, 8}};
    return joined(words_in_turn<8>(qh, ql), rest);
  };
  return joined(kScales, half(offsetof(Q6_K, ql), offsetof(Q6_K, qh)), half(offsetof(Q6_K, ql) + 64, offsetof(Q6_K, qh) + 32));
}();

}  // namespace halfbyte
