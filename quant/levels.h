// The unevenly spaced levels that 4-bit indices stand for. Plain constants: kernels include this too.
#pragma once

#include <cstdint>

namespace halfbyte {

inline constexpr int8_t kIq4Levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};  // IQ4_NL, IQ4_XS
inline constexpr int8_t kE2m1Doubled[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};                 // MXFP4

}  // namespace halfbyte
