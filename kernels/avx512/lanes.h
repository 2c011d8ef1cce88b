// 16 lanes in one AVX-512 register. Include inside the namespace of a set.
typedef __m512 F;
typedef __m512i I;

HALFBYTE_INLINE F load(const float* p) { return _mm512_loadu_ps(p); }
HALFBYTE_INLINE void store(float* p, F v) { _mm512_storeu_ps(p, v); }
HALFBYTE_INLINE F splat(float x) { return _mm512_set1_ps(x); }
HALFBYTE_INLINE F add(F a, F b) { return _mm512_add_ps(a, b); }
HALFBYTE_INLINE F sub(F a, F b) { return _mm512_sub_ps(a, b); }
HALFBYTE_INLINE F mul(F a, F b) { return _mm512_mul_ps(a, b); }
HALFBYTE_INLINE F div(F a, F b) { return _mm512_div_ps(a, b); }
HALFBYTE_INLINE F max(F a, F b) { return _mm512_max_ps(a, b); }
HALFBYTE_INLINE F min(F a, F b) { return _mm512_min_ps(a, b); }
HALFBYTE_INLINE F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
HALFBYTE_INLINE bool all_within(F x, F least, F most) {
  return _mm512_mask_cmp_ps_mask(_mm512_cmp_ps_mask(x, least, _CMP_GE_OQ), x, most, _CMP_LE_OQ) == 0xffff;
}
HALFBYTE_INLINE F load_half(const void* p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)p)); }
HALFBYTE_INLINE F load_bfloat(const void* p) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)p)), 16));
}
HALFBYTE_INLINE void store_half(void* p, F v) { _mm256_storeu_si256((__m256i*)p, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT)); }

HALFBYTE_INLINE void load_pairs(const float* p, F& first, F& second) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  first = _mm512_permutex2var_ps(load(p), even, load(p + 16));
  second = _mm512_permutex2var_ps(load(p), _mm512_add_epi32(even, _mm512_set1_epi32(1)), load(p + 16));
}
HALFBYTE_INLINE void store_pairs(float* p, F first, F second) {
  const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  store(p, _mm512_permutex2var_ps(first, low, second));
  store(p + 16, _mm512_permutex2var_ps(first, _mm512_add_epi32(low, _mm512_set1_epi32(8)), second));
}

HALFBYTE_INLINE I load_int(const void* p) { return _mm512_loadu_si512(p); }
HALFBYTE_INLINE I load_bytes(const void* p) { return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i*)p)); }
HALFBYTE_INLINE I load_signed_bytes(const void* p) { return _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i*)p)); }
HALFBYTE_INLINE void store_int(void* p, I v) { _mm512_storeu_si512(p, v); }
HALFBYTE_INLINE I splat_int(int32_t x) { return _mm512_set1_epi32(x); }
HALFBYTE_INLINE I add_int(I a, I b) { return _mm512_add_epi32(a, b); }
HALFBYTE_INLINE I sub_int(I a, I b) { return _mm512_sub_epi32(a, b); }
HALFBYTE_INLINE I mul_int(I a, I b) { return _mm512_mullo_epi32(a, b); }
HALFBYTE_INLINE I max_int(I a, I b) { return _mm512_max_epi32(a, b); }
HALFBYTE_INLINE I bit_and(I a, I b) { return _mm512_and_si512(a, b); }
HALFBYTE_INLINE I bit_or(I a, I b) { return _mm512_or_si512(a, b); }
HALFBYTE_INLINE I shift_left(I a, int n) { return _mm512_sll_epi32(a, _mm_cvtsi32_si128(n)); }
HALFBYTE_INLINE I shift_right(I a, int n) { return _mm512_srl_epi32(a, _mm_cvtsi32_si128(n)); }
HALFBYTE_INLINE I shift_right_signed(I a, int n) { return _mm512_sra_epi32(a, _mm_cvtsi32_si128(n)); }
HALFBYTE_INLINE I byte_table(const int8_t* entries) { return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i*)entries)); }
HALFBYTE_INLINE I look_up(I table, I x) { return _mm512_shuffle_epi8(table, x); }
HALFBYTE_INLINE F to_float(I a) { return _mm512_cvtepi32_ps(a); }
HALFBYTE_INLINE I bits(F a) { return _mm512_castps_si512(a); }
HALFBYTE_INLINE F from_bits(I a) { return _mm512_castsi512_ps(a); }
HALFBYTE_INLINE F scale_by_power(F x, I n) { return _mm512_scalef_ps(x, _mm512_cvtepi32_ps(n)); }
HALFBYTE_INLINE F select_less(I a, I b, F x, F y) { return _mm512_mask_blend_ps(_mm512_cmplt_epi32_mask(a, b), y, x); }
HALFBYTE_INLINE int32_t max_lane(I a) { return _mm512_reduce_max_epi32(a); }
// Lane i: `op` over all lanes of v[i].
template <class Op>
HALFBYTE_INLINE I across(const I (&v)[16], Op op) {
  I pairs[8], fours[4];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    const I x = v[2 * i], y = v[2 * i + 1];
    pairs[i] = op(_mm512_unpacklo_epi32(x, y), _mm512_unpackhi_epi32(x, y));
  }
#pragma GCC unroll 8
  for (int i = 0; i < 4; ++i) {
    const I x = pairs[2 * i], y = pairs[2 * i + 1];
    fours[i] = op(_mm512_unpacklo_epi64(x, y), _mm512_unpackhi_epi64(x, y));
  }
  const auto halve = [&](I x, I y) { return op(_mm512_shuffle_i32x4(x, y, 0x88), _mm512_shuffle_i32x4(x, y, 0xdd)); };
  return halve(halve(fours[0], fours[1]), halve(fours[2], fours[3]));
}
HALFBYTE_INLINE void store_bytes(int8_t* p, I a) { _mm_storeu_si128((__m128i*)p, _mm512_cvtepi32_epi8(a)); }

typedef __m512i Quad;  // four consecutive activations, in every lane
HALFBYTE_INLINE Quad quad(const int8_t* a) {
  int32_t q;
  memcpy(&q, a, sizeof q);
  return _mm512_set1_epi32(q);
}

HALFBYTE_INLINE void prefetch(const void* p) { _mm_prefetch((const char*)p, _MM_HINT_T1); }

#include "kernels/avx2/flush_to_zero.h"
