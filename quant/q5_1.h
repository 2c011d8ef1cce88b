// Q5_1: 32 weights, w = d * q + m, q in 0..31.
//
//     | d: half | m: half | qh: 32 bits, bit i = q[i] bit 4 | qs: 16 bytes, the low 4 bits as in Q4_0 |
//
// Panel group of two blocks, or one: d of each block | m of each block | high bits as in Q5_0 | per block 4 vectors as in Q4_0.
#pragma once

#include <cstddef>
#include <cstring>

#include "base/float16.h"
#include "quant/panel_parts.h"
#include "quant/scales.h"

namespace halfbyte {

struct Q5_1 {
  uint16_t d;
  uint16_t m;
  uint8_t qh[4];
  uint8_t qs[16];
  static constexpr uint32_t kLength = 32;

  bool is_finite() const { return is_finite_half(d) && is_finite_half(m); }
  void decode(float* out) const {
    const float scale = half_to_float(d);
    const float minimum = half_to_float(m);
    uint32_t high = 0;
    std::memcpy(&high, qh, 4);
    for (int i = 0; i < 16; ++i) {
      const auto low_bit = static_cast<int>(high >> i & 1u);
      const auto high_bit = static_cast<int>(high >> (i + 16) & 1u);
      out[i] = scale * static_cast<float>((qs[i] & 15) | low_bit << 4) + minimum;
      out[i + 16] = scale * static_cast<float>((qs[i] >> 4) | high_bit << 4) + minimum;
    }
  }
};
static_assert(sizeof(Q5_1) == 24);

template <>
inline constexpr size_t kPanelGroup<Q5_1> = 64;
template <>
inline constexpr auto kPanelParts<Q5_1> = std::to_array<PanelPart>({
    {PanelPart::kHalfs, offsetof(Q5_1, d), 1},
    {PanelPart::kHalfs, offsetof(Q5_1, m), 1},
    {PanelPart::kBits, offsetof(Q5_1, qh), 1},
    {PanelPart::kWords, offsetof(Q5_1, qs), 4},
});

}  // namespace halfbyte
