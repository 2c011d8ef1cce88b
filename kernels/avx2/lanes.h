// 16 lanes in two AVX2 registers. Include inside the namespace of a set.

struct F {
  __m256 a, b;
};
struct I {
  __m256i a, b;
};

HALFBYTE_INLINE F load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
HALFBYTE_INLINE void store(float* p, F v) { _mm256_storeu_ps(p, v.a), _mm256_storeu_ps(p + 8, v.b); }
HALFBYTE_INLINE F splat(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
HALFBYTE_INLINE F add(F x, F y) { return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)}; }
HALFBYTE_INLINE F sub(F x, F y) { return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)}; }
HALFBYTE_INLINE F mul(F x, F y) { return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)}; }
HALFBYTE_INLINE F div(F x, F y) { return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)}; }
HALFBYTE_INLINE F max(F x, F y) { return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)}; }
HALFBYTE_INLINE F min(F x, F y) { return {_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)}; }
HALFBYTE_INLINE F fma(F x, F y, F z) { return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)}; }
HALFBYTE_INLINE bool all_within(F x, F least, F most) {
  const __m256 a = _mm256_and_ps(_mm256_cmp_ps(x.a, least.a, _CMP_GE_OQ), _mm256_cmp_ps(x.a, most.a, _CMP_LE_OQ));
  const __m256 b = _mm256_and_ps(_mm256_cmp_ps(x.b, least.b, _CMP_GE_OQ), _mm256_cmp_ps(x.b, most.b, _CMP_LE_OQ));
  return _mm256_movemask_ps(_mm256_and_ps(a, b)) == 0xff;
}
HALFBYTE_INLINE F load_half(const void* p) {
  return {_mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)p)), _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)p + 1))};
}
HALFBYTE_INLINE F load_bfloat(const void* p) {
  const __m256i a = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i*)p));
  const __m256i b = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i*)p + 1));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(a, 16)), _mm256_castsi256_ps(_mm256_slli_epi32(b, 16))};
}
HALFBYTE_INLINE void store_half(void* p, F v) {
  _mm_storeu_si128((__m128i*)p, _mm256_cvtps_ph(v.a, _MM_FROUND_TO_NEAREST_INT));
  _mm_storeu_si128((__m128i*)p + 1, _mm256_cvtps_ph(v.b, _MM_FROUND_TO_NEAREST_INT));
}

HALFBYTE_INLINE __m256 in_order(__m256 v) { return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(v), 0xd8)); }
HALFBYTE_INLINE void load_pairs(const float* p, F& first, F& second) {
  const F low = load(p), high = load(p + 16);
  first = {in_order(_mm256_shuffle_ps(low.a, low.b, 0x88)), in_order(_mm256_shuffle_ps(high.a, high.b, 0x88))};
  second = {in_order(_mm256_shuffle_ps(low.a, low.b, 0xdd)), in_order(_mm256_shuffle_ps(high.a, high.b, 0xdd))};
}
HALFBYTE_INLINE void store_pairs(float* p, F first, F second) {
  const auto store8 = [](float* at, __m256 x, __m256 y) {
    const __m256 low = _mm256_unpacklo_ps(x, y), high = _mm256_unpackhi_ps(x, y);
    _mm256_storeu_ps(at, _mm256_permute2f128_ps(low, high, 0x20));
    _mm256_storeu_ps(at + 8, _mm256_permute2f128_ps(low, high, 0x31));
  };
  store8(p, first.a, second.a);
  store8(p + 16, first.b, second.b);
}

HALFBYTE_INLINE I load_int(const void* p) { return {_mm256_loadu_si256((const __m256i*)p), _mm256_loadu_si256((const __m256i*)p + 1)}; }
HALFBYTE_INLINE I load_bytes(const void* p) {
  return {_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)p)),
          _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)((const char*)p + 8)))};
}
HALFBYTE_INLINE I load_signed_bytes(const void* p) {
  return {_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)p)),
          _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)((const char*)p + 8)))};
}
HALFBYTE_INLINE void store_int(void* p, I v) { _mm256_storeu_si256((__m256i*)p, v.a), _mm256_storeu_si256((__m256i*)p + 1, v.b); }
HALFBYTE_INLINE I splat_int(int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
HALFBYTE_INLINE I add_int(I x, I y) { return {_mm256_add_epi32(x.a, y.a), _mm256_add_epi32(x.b, y.b)}; }
HALFBYTE_INLINE I sub_int(I x, I y) { return {_mm256_sub_epi32(x.a, y.a), _mm256_sub_epi32(x.b, y.b)}; }
HALFBYTE_INLINE I mul_int(I x, I y) { return {_mm256_mullo_epi32(x.a, y.a), _mm256_mullo_epi32(x.b, y.b)}; }
HALFBYTE_INLINE I max_int(I x, I y) { return {_mm256_max_epi32(x.a, y.a), _mm256_max_epi32(x.b, y.b)}; }
HALFBYTE_INLINE I bit_and(I x, I y) { return {_mm256_and_si256(x.a, y.a), _mm256_and_si256(x.b, y.b)}; }
HALFBYTE_INLINE I bit_or(I x, I y) { return {_mm256_or_si256(x.a, y.a), _mm256_or_si256(x.b, y.b)}; }
HALFBYTE_INLINE I shift_left(I x, int n) {
  return {_mm256_sll_epi32(x.a, _mm_cvtsi32_si128(n)), _mm256_sll_epi32(x.b, _mm_cvtsi32_si128(n))};
}
HALFBYTE_INLINE I shift_right(I x, int n) {
  return {_mm256_srl_epi32(x.a, _mm_cvtsi32_si128(n)), _mm256_srl_epi32(x.b, _mm_cvtsi32_si128(n))};
}
HALFBYTE_INLINE I shift_right_signed(I x, int n) {
  return {_mm256_sra_epi32(x.a, _mm_cvtsi32_si128(n)), _mm256_sra_epi32(x.b, _mm_cvtsi32_si128(n))};
}
HALFBYTE_INLINE I byte_table(const int8_t* entries) {
  const __m256i t = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i*)entries));
  return {t, t};
}
HALFBYTE_INLINE I look_up(I table, I x) { return {_mm256_shuffle_epi8(table.a, x.a), _mm256_shuffle_epi8(table.a, x.b)}; }
HALFBYTE_INLINE F to_float(I x) { return {_mm256_cvtepi32_ps(x.a), _mm256_cvtepi32_ps(x.b)}; }
HALFBYTE_INLINE I bits(F x) { return {_mm256_castps_si256(x.a), _mm256_castps_si256(x.b)}; }
HALFBYTE_INLINE F from_bits(I x) { return {_mm256_castsi256_ps(x.a), _mm256_castsi256_ps(x.b)}; }
HALFBYTE_INLINE F scale_by_power(F x, I n) {
  const I half = shift_right_signed(n, 1), bias = splat_int(127);
  const F first = from_bits(shift_left(add_int(half, bias), 23));
  const F second = from_bits(shift_left(add_int(sub_int(n, half), bias), 23));
  return mul(mul(x, first), second);
}
HALFBYTE_INLINE F select_less(I x, I y, F yes, F no) {
  return {_mm256_blendv_ps(no.a, yes.a, _mm256_castsi256_ps(_mm256_cmpgt_epi32(y.a, x.a))),
          _mm256_blendv_ps(no.b, yes.b, _mm256_castsi256_ps(_mm256_cmpgt_epi32(y.b, x.b)))};
}
HALFBYTE_INLINE int32_t max_lane(I x) {
  const __m256i m8 = _mm256_max_epi32(x.a, x.b);
  __m128i m = _mm_max_epi32(_mm256_castsi256_si128(m8), _mm256_extracti128_si256(m8, 1));
  m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0x4e));
  return _mm_cvtsi128_si32(_mm_max_epi32(m, _mm_shuffle_epi32(m, 0xb1)));
}
// Lane i: `op` over all lanes of v[i].
template <class Op>
HALFBYTE_INLINE I across(const I (&v)[16], Op op) {
  const auto fold = [&](__m256i x0, __m256i y0, __m256i x1, __m256i y1) { return op(I{x0, x1}, I{y0, y1}); };
  I eights[8], pairs[4], fours[2];  // a: of v[0..7], b: of v[8..15]
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) eights[i] = fold(v[i].a, v[i].b, v[8 + i].a, v[8 + i].b);
#pragma GCC unroll 8
  for (int i = 0; i < 4; ++i) {
    const I x = eights[2 * i], y = eights[2 * i + 1];
    pairs[i] = fold(_mm256_unpacklo_epi32(x.a, y.a), _mm256_unpackhi_epi32(x.a, y.a), _mm256_unpacklo_epi32(x.b, y.b),
                    _mm256_unpackhi_epi32(x.b, y.b));
  }
#pragma GCC unroll 8
  for (int i = 0; i < 2; ++i) {
    const I x = pairs[2 * i], y = pairs[2 * i + 1];
    fours[i] = fold(_mm256_unpacklo_epi64(x.a, y.a), _mm256_unpackhi_epi64(x.a, y.a), _mm256_unpacklo_epi64(x.b, y.b),
                    _mm256_unpackhi_epi64(x.b, y.b));
  }
  const I x = fours[0], y = fours[1];
  return fold(_mm256_permute2x128_si256(x.a, y.a, 0x20), _mm256_permute2x128_si256(x.a, y.a, 0x31),
              _mm256_permute2x128_si256(x.b, y.b, 0x20), _mm256_permute2x128_si256(x.b, y.b, 0x31));
}
HALFBYTE_INLINE void store_bytes(int8_t* p, I x) {  // the low byte of each lane
  const __m256i low = _mm256_set1_epi32(255);
  __m256i pairs = _mm256_packus_epi32(_mm256_and_si256(x.a, low), _mm256_and_si256(x.b, low));
  pairs = _mm256_permute4x64_epi64(pairs, 0xd8);
  _mm_storeu_si128((__m128i*)p, _mm_packus_epi16(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1)));
}

typedef __m256i Quad;  // four consecutive activations, in every lane
HALFBYTE_INLINE Quad quad(const int8_t* a) {
  int32_t q;
  memcpy(&q, a, sizeof q);
  return _mm256_set1_epi32(q);
}

HALFBYTE_INLINE void prefetch(const void* p) { _mm_prefetch((const char*)p, _MM_HINT_T1); }

#include "kernels/avx2/flush_to_zero.h"
