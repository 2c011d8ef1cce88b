// AVX2 with FMA and F16C: products of bytes are paired in 16 bits and widened before they could overflow.
#pragma once

#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define HALFBYTE_INLINE inline __attribute__((always_inline))

namespace halfbyte::avx2 {
namespace {

// What these say: scalar/vec.h.
constexpr int kTile = 4;
constexpr int kWidePanels = 1;
constexpr int kWideTile = 4;
constexpr int kUnpackFrom32 = 16;
constexpr int kUnpackFrom256 = 8;
constexpr int kFloatTile = 6;
constexpr int kFloatChains = 6;
constexpr int kScoreQueries = 4;
constexpr int kScoreChains = 4;
constexpr int kValueQueries = 2;
constexpr int kValueVectors = 2;

#include "kernels/avx2/lanes.h"

// Two products of neighbouring bytes, in 16 bits. 8-bit weights are signed: their sign moves to the activation.
template <int kBits>
HALFBYTE_INLINE I byte_pairs(I w, Quad x) {
  if (kBits < 8) return {_mm256_maddubs_epi16(w.a, x), _mm256_maddubs_epi16(w.b, x)};
  return {_mm256_maddubs_epi16(_mm256_abs_epi8(w.a), _mm256_sign_epi8(x, w.a)),
          _mm256_maddubs_epi16(_mm256_abs_epi8(w.b), _mm256_sign_epi8(x, w.b))};
}
HALFBYTE_INLINE I add_16(I x, I y) { return {_mm256_add_epi16(x.a, y.a), _mm256_add_epi16(x.b, y.b)}; }
HALFBYTE_INLINE I dot_16(I x, I y) { return {_mm256_madd_epi16(x.a, y.a), _mm256_madd_epi16(x.b, y.b)}; }
#include "kernels/body/paired_dot.h"

}  // namespace
}  // namespace halfbyte::avx2
