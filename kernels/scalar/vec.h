// 16 lanes in plain C++ (the compiler's generic vectors): the definition of every operation the kernel bodies use.
//
// F is 16 floats, I is 16 int32 or the 64 bytes of a panel vector; lane r belongs to row r of a panel.
// Dot and ScaledDot sum products of weight bytes and activation bytes exactly.
//
// What takes dozens of instructions here is called (noinline): written out wherever it is used, a body of 100 KiB leaves the nearest
// cache at every turn, and compiling it takes as long as the other sets together.
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/float16.h"

#define HALFBYTE_INLINE inline __attribute__((always_inline))

namespace halfbyte::scalar {
namespace {

typedef float F __attribute__((vector_size(64)));
typedef int32_t I __attribute__((vector_size(64)));
typedef uint32_t U __attribute__((vector_size(64)));

constexpr int kTile = 2;           // tokens that share one read of a panel
constexpr int kWidePanels = 1;     // unpacked panels that share one read of the activations,
constexpr int kWideTile = 2;       // and the tokens of such a tile
constexpr int kUnpackFrom32 = 0;   // from how many tokens on panels are unpacked first: formats of 32 columns,
constexpr int kUnpackFrom256 = 0;  // formats of 256 columns. 0: never
constexpr int kFloatTile = 2;      // tokens of a register tile of float weights
constexpr int kFloatChains = 4;    // multiply-adds in flight there: tokens times panels
constexpr int kScoreQueries = 2;   // query rows that share one read of K
constexpr int kScoreChains = 2;    // of multiply-adds in flight there: queries times K tiles
constexpr int kValueQueries = 2;   // query rows that share one read of V
constexpr int kValueVectors = 2;   // vectors of 16 dims in flight there

HALFBYTE_INLINE F load(const float* p) {
  F v;
  memcpy(&v, p, sizeof v);
  return v;
}
HALFBYTE_INLINE void store(float* p, F v) { memcpy(p, &v, sizeof v); }
HALFBYTE_INLINE F splat(float x) { return F{} + x; }
HALFBYTE_INLINE F add(F a, F b) { return a + b; }
HALFBYTE_INLINE F sub(F a, F b) { return a - b; }
HALFBYTE_INLINE F mul(F a, F b) { return a * b; }
HALFBYTE_INLINE F div(F a, F b) { return a / b; }
HALFBYTE_INLINE F max(F a, F b) { return a > b ? a : b; }  // b where either is NaN, as x86 has it (NEON's gives NaN: compare, then select)
HALFBYTE_INLINE F min(F a, F b) { return a < b ? a : b; }
__attribute__((noinline)) F fma(const F& a, const F& b, const F& c) {
  F v;
  for (int i = 0; i < 16; ++i) v[i] = fmaf(a[i], b[i], c[i]);
  return v;
}
// The same with subnormal numbers as 0, as arguments and as results, while a FlushToZero lives.
struct FlushToZero {
  ~FlushToZero() {}
};
HALFBYTE_INLINE F flushed(F x) {
  for (int i = 0; i < 16; ++i) x[i] = fabsf(x[i]) < 0x1p-126F ? copysignf(0.0F, x[i]) : x[i];
  return x;
}
__attribute__((noinline)) F fma_flushed(F a, F b, F c) { return flushed(fma(flushed(a), flushed(b), flushed(c))); }
HALFBYTE_INLINE bool all_within(F x, F least, F most) {  // every lane; a NaN is not
  bool all = true;
  for (int i = 0; i < 16; ++i) all = all && x[i] >= least[i] && x[i] <= most[i];
  return all;
}
HALFBYTE_INLINE F load_half(const void* p) {
  uint16_t h[16];
  memcpy(h, p, sizeof h);
  F v;
  for (int i = 0; i < 16; ++i) v[i] = half_to_float(h[i]);
  return v;
}
HALFBYTE_INLINE F load_bfloat(const void* p) {
  uint16_t b[16];
  memcpy(b, p, sizeof b);
  F v;
  for (int i = 0; i < 16; ++i) v[i] = bfloat_to_float(b[i]);
  return v;
}
HALFBYTE_INLINE void store_half(void* p, F v) {
  uint16_t h[16];
  for (int i = 0; i < 16; ++i) h[i] = float_to_half(v[i]);
  memcpy(p, h, sizeof h);
}

HALFBYTE_INLINE void load_pairs(const float* p, F& first, F& second) {  // of 16 pairs, lane i gets those of pair i
  for (int i = 0; i < 16; ++i) first[i] = p[2 * i], second[i] = p[2 * i + 1];
}
HALFBYTE_INLINE void store_pairs(float* p, F first, F second) {
  for (int i = 0; i < 16; ++i) p[2 * i] = first[i], p[2 * i + 1] = second[i];
}

HALFBYTE_INLINE I load_int(const void* p) {
  I v;
  memcpy(&v, p, sizeof v);
  return v;
}
HALFBYTE_INLINE I load_bytes(const void* p) {  // 16 unsigned bytes, one a lane
  uint8_t b[16];
  memcpy(b, p, sizeof b);
  I v;
  for (int i = 0; i < 16; ++i) v[i] = b[i];
  return v;
}
HALFBYTE_INLINE I load_signed_bytes(const void* p) {
  int8_t b[16];
  memcpy(b, p, sizeof b);
  I v;
  for (int i = 0; i < 16; ++i) v[i] = b[i];
  return v;
}
HALFBYTE_INLINE void store_int(void* p, I v) { memcpy(p, &v, sizeof v); }
HALFBYTE_INLINE I splat_int(int32_t x) { return I{} + x; }
HALFBYTE_INLINE I add_int(I a, I b) { return (I)((U)a + (U)b); }
HALFBYTE_INLINE I sub_int(I a, I b) { return (I)((U)a - (U)b); }
HALFBYTE_INLINE I mul_int(I a, I b) { return (I)((U)a * (U)b); }
HALFBYTE_INLINE I max_int(I a, I b) { return a > b ? a : b; }
HALFBYTE_INLINE I bit_and(I a, I b) { return a & b; }
HALFBYTE_INLINE I bit_or(I a, I b) { return a | b; }
HALFBYTE_INLINE I shift_left(I a, int n) { return (I)((U)a << n); }
HALFBYTE_INLINE I shift_right(I a, int n) { return (I)((U)a >> n); }  // zeros come in
HALFBYTE_INLINE I shift_right_signed(I a, int n) { return a >> n; }
// Each byte of x, 0..15, replaced by that entry of a table of 16 bytes.
HALFBYTE_INLINE I byte_table(const int8_t* entries) {
  I v;
  for (int i = 0; i < 4; ++i) memcpy((char*)&v + 16 * i, entries, 16);
  return v;
}
__attribute__((noinline)) I look_up(I table, I x) {
  I v;
  for (int i = 0; i < 64; ++i) ((int8_t*)&v)[i] = ((const int8_t*)&table)[((const uint8_t*)&x)[i] & 15];
  return v;
}
HALFBYTE_INLINE F to_float(I a) { return __builtin_convertvector(a, F); }
HALFBYTE_INLINE I bits(F a) { return (I)a; }
HALFBYTE_INLINE F from_bits(I a) { return (F)a; }
HALFBYTE_INLINE F scale_by_power(F x, I n) {  // x * 2^n, which may be no float32: in two steps, the first of which is exact
  const I half = shift_right_signed(n, 1), bias = splat_int(127);
  const F first = from_bits(shift_left(add_int(half, bias), 23));
  const F second = from_bits(shift_left(add_int(sub_int(n, half), bias), 23));
  return mul(mul(x, first), second);
}
HALFBYTE_INLINE F select_less(I a, I b, F x, F y) { return a < b ? x : y; }
HALFBYTE_INLINE int32_t max_lane(I a) {
  int32_t m = a[0];
  for (int i = 1; i < 16; ++i) m = a[i] > m ? a[i] : m;
  return m;
}
// Lane i: `op` over all lanes of v[i].
template <class Op>
HALFBYTE_INLINE I across(const I (&v)[16], Op op) {
  I turned[16];
  for (int lane = 0; lane < 16; ++lane)
    for (int i = 0; i < 16; ++i) turned[lane][i] = v[i][lane];
  I all = turned[0];
  for (int lane = 1; lane < 16; ++lane) all = op(all, turned[lane]);
  return all;
}
HALFBYTE_INLINE void store_bytes(int8_t* p, I a) {  // the low byte of each lane
  for (int i = 0; i < 16; ++i) p[i] = (int8_t)a[i];
}

// Four consecutive activations, the same for all lanes.
struct Quad {
  int8_t a[4];
};
HALFBYTE_INLINE Quad quad(const int8_t* a) {
  Quad q;
  memcpy(&q, a, 4);
  return q;
}

// Sum over the four bytes of each lane; weights of 8 bits are signed, all narrower ones unsigned.
template <int kBits>
HALFBYTE_INLINE I dot4(I w, Quad x) {
  I sum{};
  for (int c = 0; c < 4; ++c) sum += (kBits == 8 ? (I)((U)w << (24 - 8 * c)) >> 24 : (I)((U)w >> (8 * c)) & 255) * (int32_t)x.a[c];
  return sum;
}

// Adds the products of k-group j, in ascending order, to `total`, which begins as start().
template <int kBits>
struct Dot {
  static constexpr int kOffset = 0;  // of 8-bit weights as Dot wants them
  template <class Start>
  HALFBYTE_INLINE void add(int j, I w, Quad x, I& total, Start start) {
    total = (j == 0 ? start() : total) + dot4<kBits>(w, x);
  }
};
template <int>
HALFBYTE_INLINE I as_dot_weights(I w) {
  return w;
}

// Adds scale * (the products of the kGroups k-groups 0 <= j < kGroups of a sub-block) to `total`.
template <int kBits, int kGroups>
struct ScaledDot {
  __attribute__((noinline)) void add(int, const I& w, Quad x, I& total, const I& scale) { total += dot4<kBits>(w, x) * scale; }
};
HALFBYTE_INLINE I as_dot_scale(I scale) { return scale; }

// sum + the products of the two int16 of each lane with the pair at x.
HALFBYTE_INLINE I dot_pair(I sum, I pair, const int16_t* x) {
  return sum + ((I)((U)pair << 16) >> 16) * (int32_t)x[0] + (pair >> 16) * (int32_t)x[1];
}

HALFBYTE_INLINE void prefetch(const void* p) { __builtin_prefetch(p, 0, 2); }  // into the second cache

}  // namespace
}  // namespace halfbyte::scalar
