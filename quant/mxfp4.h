// MXFP4 (OCP Microscaling 1.0): 32 weights of E2M1 with one power of two, w = 2^(e - 127) * {0, .5, 1, 1.5, 2, 3, 4, 6}.
//
//     | e: byte | qs: 16 bytes, nibbles as in Q4_0; bit 3 is the sign |
#pragma once

#include <bit>
#include <cstdint>

namespace halfbyte {

inline constexpr int8_t kE2m1Doubled[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

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

}  // namespace halfbyte
