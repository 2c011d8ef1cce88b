// Float weights: one fma chain over the columns of each 256, the chains added to y in ascending order.

template <int kTokens>
HALFBYTE_INLINE void add_float_chain(const float* tile, const float* x, size_t x_stride, int columns, float* y) {
  F sum[kTokens];
#pragma GCC unroll 8
  for (int t = 0; t < kTokens; ++t) sum[t] = splat(0.0F);
  for (int k = 0; k < columns; ++k) {
    const F w = load(tile + 16 * k);
#pragma GCC unroll 8
    for (int t = 0; t < kTokens; ++t) sum[t] = fma(w, splat(x[(size_t)t * x_stride + k]), sum[t]);
  }
#pragma GCC unroll 8
  for (int t = 0; t < kTokens; ++t) store(y + 16 * t, add(load(y + 16 * t), sum[t]));
}

void panel_f32(const float* tile, const float* x, size_t x_stride, int columns, int tokens, float* y) {
  for (int t = 0; t < tokens; t += kScoreQueries) {
    const int n = tokens - t < kScoreQueries ? tokens - t : kScoreQueries;
    for (int k = 0; k < columns; k += kGroup) {
      const int width = columns - k < kGroup ? columns - k : kGroup;
      with_constant<kScoreQueries>(n, [&](auto count) {
        add_float_chain<decltype(count)::value>(tile + 16 * (size_t)k, x + (size_t)t * x_stride + k, x_stride, width, y + 16 * t);
      });
    }
  }
}
