// BF16 weights times activations rounded to bf16.
//
//   y = one chain from 0 over ascending pairs of columns: sum = fma(w[2i], x[2i], fma(w[2i + 1], x[2i + 1], sum))
//
// Subnormal numbers are 0 wherever they appear. That is what VDPBF16PS does, which the set avx512_bf16 has in place of this
// (kernels/avx512_bf16); the other sets multiply the same numbers widened to float32, those of a tile's activations side by side.

template <int kPanels, int kTokens>
__attribute__((noinline)) void add_pairs(const std::byte* panel, size_t panel_bytes, const float* x, int columns, bool is_first, float* y,
                                         size_t y_stride) {
  F sum[kPanels][kTokens];
#pragma GCC unroll 4
  for (int p = 0; p < kPanels; ++p)
#pragma GCC unroll 12
    for (int t = 0; t < kTokens; ++t) sum[p][t] = is_first ? splat(0.0F) : load(y + (size_t)t * y_stride + 16 * p);
  for (int k = 0; k < columns; k += 2) {
    I pair[kPanels];
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p) {
      const std::byte* at = panel + (size_t)p * panel_bytes;
      prefetch_ahead<kNear, 64>(at, k / 2);
      pair[p] = load_int(at + 32 * k);
    }
#pragma GCC unroll 2
    for (int i = 1; i >= 0; --i) {
      F w[kPanels];
#pragma GCC unroll 4
      for (int p = 0; p < kPanels; ++p)
        w[p] = from_bits(i == 1 ? bit_and(pair[p], splat_int((int32_t)0xffff0000)) : shift_left(pair[p], 16));
#pragma GCC unroll 12
      for (int t = 0; t < kTokens; ++t) {
        const F a = splat(x[t * kFloatRow + k + i]);
#pragma GCC unroll 4
        for (int p = 0; p < kPanels; ++p) sum[p][t] = fma_flushed(w[p], a, sum[p][t]);
      }
    }
  }
#pragma GCC unroll 4
  for (int p = 0; p < kPanels; ++p)
#pragma GCC unroll 12
    for (int t = 0; t < kTokens; ++t) store(y + (size_t)t * y_stride + 16 * p, sum[p][t]);
}

// `columns` of a group of so many panels; `x` begins at the group, `y` at the first panel.
HALFBYTE_INLINE void multiply_pairs(const std::byte* panel, size_t panel_bytes, int panels, const uint16_t* x, int columns, int tokens,
                                    bool is_first, float* y, size_t y_stride, float* widened) {
  const int tiles = (tokens + kFloatTile - 1) / kFloatTile;  // of nearly equal size
  for (int tile = 0; tile < tiles; ++tile) {
    const int first = tokens * tile / tiles, n = tokens * (tile + 1) / tiles - first;
    for (int t = 0; t < n; ++t)
      for (int k = 0; k < columns; k += 16) store(widened + t * kFloatRow + k, load_bfloat(x + (first + t) * kGroup + k));
    with_constant<kFloatTile>(n, [&](auto count) {
      constexpr int kTokens = decltype(count)::value;
      for_tiles<kFloatPanels<kTokens>>(0, panels, [&](auto at_once, int p) {
        add_pairs<decltype(at_once)::value, kTokens>(panel + (size_t)p * panel_bytes, panel_bytes, widened, columns, is_first,
                                                     y + (size_t)first * y_stride + 16 * p, y_stride);
      });
    });
  }
}

void panel_bf16(const std::byte* panel, size_t panel_bytes, int panels, const Activations& x, int columns, int tokens, float* y,
                size_t y_stride, std::byte* scratch) {
  const FlushToZero flush;
  for (int begin = 0; begin < panels; begin += kPanelsAtOnce) {
    const int count = panels - begin < kPanelsAtOnce ? panels - begin : kPanelsAtOnce;
    for (int k = 0; k < columns; k += kGroup)
      multiply_pairs(panel + (size_t)begin * panel_bytes + 32 * (size_t)k, panel_bytes, count,
                     x.bf16 + (size_t)(k / kGroup) * x.bf16_stride, columns - k < kGroup ? columns - k : kGroup, tokens, k == 0,
                     y + 16 * begin, y_stride, (float*)scratch);
  }
}
