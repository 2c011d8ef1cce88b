// AVX-512 without VNNI: products of bytes are paired in 16 bits, as on AVX2, and widened before they could overflow.
#pragma once

#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define HALFBYTE_INLINE inline __attribute__((always_inline))

namespace halfbyte::avx512 {
namespace {

// What these say: scalar/vec.h.
constexpr int kTile = 8;
constexpr int kWidePanels = 1;
constexpr int kWideTile = 8;
constexpr int kUnpackFrom32 = 0;
constexpr int kUnpackFrom256 = 16;
constexpr int kFloatTile = 12;
constexpr int kFloatChains = 24;
constexpr int kScoreQueries = 12;
constexpr int kScoreChains = 12;
constexpr int kValueQueries = 6;
constexpr int kValueVectors = 4;

#include "kernels/avx512/lanes.h"

// Two products of neighbouring bytes, in 16 bits. 8-bit weights are signed: their sign moves to the activation.
template <int kBits>
HALFBYTE_INLINE I byte_pairs(I w, Quad x) {
  if (kBits < 8) return _mm512_maddubs_epi16(w, x);
  return _mm512_maddubs_epi16(_mm512_abs_epi8(w), _mm512_mask_sub_epi8(x, _mm512_movepi8_mask(w), _mm512_setzero_si512(), x));
}
HALFBYTE_INLINE I add_16(I a, I b) { return _mm512_add_epi16(a, b); }
HALFBYTE_INLINE I dot_16(I a, I b) { return _mm512_madd_epi16(a, b); }
#include "kernels/body/paired_dot.h"

}  // namespace
}  // namespace halfbyte::avx512
