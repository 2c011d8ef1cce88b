// Q5_0: 32 weights, w = d * (q - 16), q in 0..31.
//
//     | d: half | qh: 32 bits, bit i = q[i] bit 4 | qs: 16 bytes, the low 4 bits as in Q4_0 |
//
// Panel group of two blocks, or one: d of each block | per block one vector of high bits | per block 4 vectors as in Q4_0.
// A lane's high bits are turned so that (word >> v) & 0x01010101 belongs to columns 4v..4v+3: see PanelPart::kBits.
#pragma once

#include <cstddef>
#include <cstring>

#include "base/float16.h"
#include "quant/panel_parts.h"
#include "quant/scales.h"

namespace halfbyte {

struct Q5_0 {
  uint16_t d;
  uint8_t qh[4];
  uint8_t qs[16];
  static constexpr uint32_t kLength = 32;

  bool is_finite() const { return is_finite_half(d); }
  void decode(float* out) const {
    const float scale = half_to_float(d);
    uint32_t high = 0;
    std::memcpy(&high, qh, 4);
    for (int i = 0; i < 16; ++i) {
      const auto low_bit = static_cast<int>(high >> i & 1u);
      const auto high_bit = static_cast<int>(high >> (i + 16) & 1u);
      out[i] = scale * static_cast<float>(((qs[i] & 15) | low_bit << 4) - 16);
      out[i + 16] = scale * static_cast<float>(((qs[i] >> 4) | high_bit << 4) - 16);
    }
  }
};
static_assert(sizeof(Q5_0) == 22);

template <>
inline constexpr size_t kPanelGroup<Q5_0> = 64;
template <>
inline constexpr auto kPanelParts<Q5_0> = std::to_array<PanelPart>({
    {PanelPart::kHalfs, offsetof(Q5_0, d), 1},
    {PanelPart::kBits, offsetof(Q5_0, qh), 1},
    {PanelPart::kWords, offsetof(Q5_0, qs), 4},
});

}  // namespace halfbyte
