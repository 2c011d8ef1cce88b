// IQ4_NL, IQ4_XS: 4-bit indices into 16 unevenly spaced levels.
//
//     IQ4_NL, 32 weights:   | d: half | qs: 16 bytes, nibbles as in Q4_0 |                w = d * level[q]
//     IQ4_XS, 256 weights:  | d: half | scales_h: 8 x 2 bits | scales_l: 8 x 4 bits | qs: 128 bytes |
//                           w = d * (s - 32) * level[q], s of 6 bits per run of 32; each run's 16 bytes as in IQ4_NL
//
// Panel group of IQ4_NL, n blocks: as Q4_0's. Of IQ4_XS: the block's 34 words, each a vector; lane r is row r.
#pragma once

#include <cstddef>

#include "base/float16.h"
#include "quant/levels.h"
#include "quant/panel_parts.h"
#include "quant/scales.h"

namespace halfbyte {

struct IQ4_NL {
  uint16_t d;
  uint8_t qs[16];
  static constexpr uint32_t kLength = 32;

  bool is_finite() const { return is_finite_half(d); }
  void decode(float* out) const {
    const float scale = half_to_float(d);
    for (size_t i = 0; i < 16; ++i) {
      out[i] = scale * static_cast<float>(kIq4Levels[qs[i] & 15]);
      out[i + 16] = scale * static_cast<float>(kIq4Levels[qs[i] >> 4]);
    }
  }
};
static_assert(sizeof(IQ4_NL) == 18);

struct IQ4_XS {
  uint16_t d;
  uint16_t scales_h;
  uint8_t scales_l[4];
  uint8_t qs[128];
  static constexpr uint32_t kLength = 256;

  bool is_finite() const { return is_finite_half(d); }
  void decode(float* out) const {
    const float scale = half_to_float(d);
    for (size_t run = 0; run < 8; ++run) {
      const int low = scales_l[run / 2] >> (run % 2 * 4) & 15;
      const int high = scales_h >> (2 * run) & 3;
      const float s = scale * static_cast<float>((low | high << 4) - 32);
      for (size_t i = 0; i < 16; ++i) {
        const uint8_t q = qs[16 * run + i];
        out[32 * run + i] = s * static_cast<float>(kIq4Levels[q & 15]);
        out[32 * run + i + 16] = s * static_cast<float>(kIq4Levels[q >> 4]);
      }
    }
  }
};
static_assert(sizeof(IQ4_XS) == 136);

template <>
inline constexpr auto kPanelParts<IQ4_NL> = std::to_array<PanelPart>({
    {PanelPart::kHalfs, offsetof(IQ4_NL, d), 1},
    {PanelPart::kWords, offsetof(IQ4_NL, qs), 4},
});
template <>
inline constexpr auto kPanelParts<IQ4_XS> = std::to_array<PanelPart>({
    {PanelPart::kWords, 0, sizeof(IQ4_XS) / 4},
});

}  // namespace halfbyte
