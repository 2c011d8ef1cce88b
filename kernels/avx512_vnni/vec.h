// AVX-512 with VNNI: one instruction multiplies and sums the four unsigned weight bytes and four signed activation bytes of a lane.
#pragma once

#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define HALFBYTE_INLINE inline __attribute__((always_inline))

namespace halfbyte::avx512_vnni {
namespace {

// What these say: scalar/vec.h.
constexpr int kTile = 8;
constexpr int kWidePanels = 2;
constexpr int kWideTile = 6;
constexpr int kUnpackFrom32 = 24;
constexpr int kUnpackFrom256 = 32;
constexpr int kFloatTile = 12;
constexpr int kFloatChains = 24;
constexpr int kScoreQueries = 12;
constexpr int kScoreChains = 12;
constexpr int kValueQueries = 6;
constexpr int kValueVectors = 4;

#include "kernels/avx512/lanes.h"

// 8-bit weights are made unsigned by adding 128.
template <int kBits>
struct Dot {
  static constexpr int kOffset = kBits == 8 ? 128 : 0;
  template <class Start>
  HALFBYTE_INLINE void add(int j, I w, Quad x, I& total, Start start) {
    total = _mm512_dpbusd_epi32(j == 0 ? start() : total, w, x);
  }
};
template <int kBits>
HALFBYTE_INLINE I as_dot_weights(I w) {
  return kBits == 8 ? _mm512_xor_si512(w, _mm512_set1_epi32((int)0x80808080)) : w;
}

template <int kBits, int kGroups>
struct ScaledDot {
  I sum;
  HALFBYTE_INLINE void add(int j, I w, Quad x, I& total, I scale) {
    sum = _mm512_dpbusd_epi32(j == 0 ? _mm512_setzero_si512() : sum, w, x);
    if (j == kGroups - 1) total = _mm512_add_epi32(total, _mm512_mullo_epi32(sum, scale));
  }
};
HALFBYTE_INLINE I as_dot_scale(I scale) { return scale; }

HALFBYTE_INLINE I dot_pair(I sum, I pair, const int16_t* x) { return _mm512_dpwssd_epi32(sum, pair, quad((const int8_t*)x)); }

}  // namespace
}  // namespace halfbyte::avx512_vnni
