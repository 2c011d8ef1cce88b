// What every body needs beside the set's own operations: parts of 16, sums across lanes in the canonical order, exp.

HALFBYTE_INLINE F load_part(const float* p, int n) {  // lanes from n on are 0
  float part[16] = {};
  memcpy(part, p, (size_t)n * sizeof *p);
  return load(part);
}
HALFBYTE_INLINE void store_part(float* p, F v, int n) {
  float part[16];
  store(part, v);
  memcpy(p, part, (size_t)n * sizeof *p);
}

HALFBYTE_INLINE float sum_pairwise(F v) {  // (i, i + 8), (i, i + 4), (i, i + 2), (i, i + 1)
  float s[16];
  store(s, v);
  for (int half = 8; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) s[i] += s[i + half];
  return s[0];
}
HALFBYTE_INLINE float greatest(F v) {
  float s[16];
  store(s, v);
  float m = s[0];
  for (int i = 1; i < 16; ++i) m = s[i] > m ? s[i] : m;
  return m;
}

// exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln 2 / 2; exp(r) = 1 + r + r^2 p(r), p the minimax polynomial of degree 4
// (relative error 0.06 * 2^-24 before rounding). Total error below 2 ulp; exp(-inf) = 0, beyond the range inf or 0, NaN stays NaN.
HALFBYTE_INLINE F exp(F x) {
  x = min(splat(88.8F), max(splat(-104.0F), x));  // just past both ends of float32; this order of operands keeps NaN
  const F magic = splat(0x1.8p23F);               // adding it leaves round(x / ln 2) in the low bits
  const F shifted = fma(x, splat(0x1.715476p0F), magic);
  const F k = sub(shifted, magic);
  const I n = sub_int(bits(shifted), bits(magic));
  F r = fma(k, splat(-0x1.62e4p-1F), x);  // ln 2 in two parts; k times the first is exact
  r = fma(k, splat(-0x1.7f7d1cp-20F), r);
  F p = splat(0x1.6a23dp-10F);
  p = fma(p, r, splat(0x1.123a2p-7F));
  p = fma(p, r, splat(0x1.5558f2p-5F));
  p = fma(p, r, splat(0x1.555492p-3F));
  p = fma(p, r, splat(0x1.fffffcp-2F));
  const F e = add(fma(mul(r, r), p, r), splat(1.0F));
  return scale_by_power(e, n);
}

template <int kValue>
struct Constant {
  static constexpr int value = kValue;
};
// body(Constant<n>), for 1 <= n <= kMax.
template <int kMax, class Body>
HALFBYTE_INLINE void with_constant(int n, Body body) {
  if constexpr (kMax > 1) {
    if (n < kMax) return with_constant<kMax - 1>(n, body);
  }
  body(Constant<kMax>{});
}
