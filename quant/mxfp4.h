// MXFP4 (OCP Microscaling 1.0): 32 weights of E2M1 with one power of two, w = 2^(e - 127) * {0, .5, 1, 1.5, 2, 3, 4, 6}.
//
//     | e: byte | qs: 16 bytes, nibbles as in Q4_0; bit 3 is the sign |
//
// Panel group of n blocks: e of each block, 16 bytes | per block 4 vectors as in Q4_0.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "quant/levels.h"
#include "quant/panel_parts.h"

namespace halfbyte {

struct MXFP4 {
  uint8_t e;
  uint8_t qs[16];
  static constexpr uint32_t kLength = 32;

  // 255 is the standard's NaN; from 253 on the largest value, 6, passes float32.
  bool is_finite() const { return e < 253; }
  void decode(float* out) const {
    // 2^(e - 128): half the scale, for the doubled values. e = 0 and 1 are subnormal.
    const float scale = std::bit_cast<float>(e < 2 ? 0x00200000u << e : static_cast<uint32_t>(e - 1) << 23);
    for (int i = 0; i < 16; ++i) {
      out[i] = scale * static_cast<float>(kE2m1Doubled[qs[i] & 15]);
      out[i + 16] = scale * static_cast<float>(kE2m1Doubled[qs[i] >> 4]);
    }
  }
};
static_assert(sizeof(MXFP4) == 17);

template <>
inline constexpr auto kPanelParts<MXFP4> = std::to_array<PanelPart>({
    {PanelPart::kBytes, offsetof(MXFP4, e), 1},
    {PanelPart::kWords, offsetof(MXFP4, qs), 4},
});

}  // namespace halfbyte
