// AVX2 with AVX-VNNI: one instruction multiplies and sums the four unsigned weight bytes and four signed activation bytes of a lane.
#pragma once

#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define HALFBYTE_INLINE inline __attribute__((always_inline))

namespace halfbyte::avx2_vnni {
namespace {

// What these say: scalar/vec.h.
constexpr int kTile = 4;
constexpr int kWidePanels = 1;
constexpr int kWideTile = 4;
constexpr int kUnpackFrom32 = 0;
constexpr int kUnpackFrom256 = 8;
constexpr int kFloatTile = 6;
constexpr int kFloatChains = 6;
constexpr int kScoreQueries = 4;
constexpr int kScoreChains = 4;
constexpr int kValueQueries = 2;
constexpr int kValueVectors = 2;

#include "kernels/avx2/lanes.h"

HALFBYTE_INLINE I dot_bytes(I sum, I w, Quad x) { return {_mm256_dpbusd_avx_epi32(sum.a, w.a, x), _mm256_dpbusd_avx_epi32(sum.b, w.b, x)}; }

// 8-bit weights are made unsigned by adding 128.
template <int kBits>
struct Dot {
  static constexpr int kOffset = kBits == 8 ? 128 : 0;
  template <class Start>
  HALFBYTE_INLINE void add(int j, I w, Quad x, I& total, Start start) {
    total = dot_bytes(j == 0 ? start() : total, w, x);
  }
};
template <int kBits>
HALFBYTE_INLINE I as_dot_weights(I w) {
  const __m256i high = _mm256_set1_epi8((char)0x80);
  if (kBits < 8) return w;
  return {_mm256_xor_si256(w.a, high), _mm256_xor_si256(w.b, high)};
}

template <int kBits, int kGroups>
struct ScaledDot {
  I sum;
  HALFBYTE_INLINE void add(int j, I w, Quad x, I& total, I scale) {
    sum = dot_bytes(j == 0 ? splat_int(0) : sum, w, x);
    if (j == kGroups - 1) total = add_int(total, mul_int(sum, scale));
  }
};
HALFBYTE_INLINE I as_dot_scale(I scale) { return scale; }

HALFBYTE_INLINE I dot_pair(I sum, I pair, const int16_t* x) {
  const Quad both = quad((const int8_t*)x);
  return {_mm256_dpwssd_avx_epi32(sum.a, pair.a, both), _mm256_dpwssd_avx_epi32(sum.b, pair.b, both)};
}

}  // namespace
}  // namespace halfbyte::avx2_vnni
