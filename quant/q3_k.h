// Q3_K: 256 weights in 16 runs of 16, w = d * (s - 32) * (q - 4), q in 0..7, s in 0..63 per run.
//
//     | hmask: 32 bytes | qs: 64 bytes | scales: 12 bytes | d: half |
//
//     qs byte 32h + i, bits 2p..2p+1 = q[128h + 32p + i] bits 0..1;   hmask byte i, bit 4h + p = its bit 2
//     scales byte r % 8, nibble r / 8 = s[r] bits 0..3;               byte 8 + r % 4, bits 2(r / 4).. = its bits 4..5
//
// Panel group: d as 16 float32 (a half is exact in float32) | scales: 3 vectors | hmask and the first half of qs: 8 vectors of each, in
// turn | the other half of qs: 8 vectors.
#pragma once

#include <cstddef>

#include "base/float16.h"
#include "quant/panel_parts.h"
#include "quant/scales.h"

namespace halfbyte {

struct Q3_K {
  uint8_t hmask[32];
  uint8_t qs[64];
  uint8_t scales[12];
  uint16_t d;
  static constexpr uint32_t kLength = 256;

  bool is_finite() const { return is_finite_half(d); }
  void decode(float* out) const {
    const float scale = half_to_float(d);
    for (size_t run = 0; run < 16; ++run) {
      const int low = scales[run % 8] >> (run / 8 * 4) & 15;
      const int high = scales[8 + run % 4] >> (run / 4 * 2) & 3;
      const float s = scale * static_cast<float>((low | high << 4) - 32);
      const uint8_t* q = qs + run / 8 * 32 + run % 2 * 16;
      const uint8_t* top = hmask + run % 2 * 16;
      const size_t shift = run / 2 % 4 * 2;
      const size_t bit = run / 2;
      for (size_t i = 0; i < 16; ++i) out[16 * run + i] = s * static_cast<float>(((q[i] >> shift & 3) | (top[i] >> bit & 1) << 2) - 4);
    }
  }
};
static_assert(sizeof(Q3_K) == 110);

template <>
inline constexpr auto kPanelParts<Q3_K> = [] {
  constexpr auto kScales = std::to_array<PanelPart>({
      {PanelPart::kHalfsAsFloats, offsetof(Q3_K, d), 1},
      {PanelPart::kWords, offsetof(Q3_K, scales), 3},
  });
  constexpr std::array kRest = {PanelPart{PanelPart::kWords, offsetof(Q3_K, qs) + 32, 8}};
  return joined(kScales, words_in_turn<8>(offsetof(Q3_K, hmask), offsetof(Q3_K, qs)), kRest);
}();

}  // namespace halfbyte
