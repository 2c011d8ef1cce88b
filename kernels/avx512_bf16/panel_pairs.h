// The bits of kernels/body/panel_pairs.h: VDPBF16PS adds the two products of every lane to its sum.
// Include inside an unnamed namespace, after kernels/body/product.h.

// 24 sums, as 2 panels x 12 tokens or 4 x 6, hide the latency of an addition and leave registers for the weights.
constexpr int kPairTile = 12;  // tokens
template <int kTokens>
constexpr int kPairPanels = kTokens <= 6 ? 4 : 2;

template <int kPanels, int kTokens>
__attribute__((noinline)) void add_pairs(const std::byte* panel, size_t panel_bytes, const uint16_t* x, size_t group_stride, int columns,
                                         bool is_first, float* y, size_t y_stride) {
  F sum[kPanels][kTokens];
#pragma GCC unroll 4
  for (int p = 0; p < kPanels; ++p)
#pragma GCC unroll 12
    for (int t = 0; t < kTokens; ++t) sum[p][t] = is_first ? splat(0.0F) : load(y + (size_t)t * y_stride + 16 * p);
  for (int k = 0; k < columns; k += kGroup, x += group_stride) {
    const int end = columns - k < kGroup ? columns - k : kGroup;
    for (int i = 0; i < end; i += 2, panel += 64) {
      __m512bh w[kPanels];
#pragma GCC unroll 4
      for (int p = 0; p < kPanels; ++p) {
        const std::byte* at = panel + (size_t)p * panel_bytes;
        if (kTokens <= 6) prefetch_ahead<kNear, 64>(at, 0);  // it may come from memory
        w[p] = (__m512bh)load_int(at);
      }
#pragma GCC unroll 12
      for (int t = 0; t < kTokens; ++t) {
        const __m512bh a = (__m512bh)quad((const int8_t*)(x + t * kGroup + i));
#pragma GCC unroll 4
        for (int p = 0; p < kPanels; ++p) sum[p][t] = _mm512_dpbf16_ps(sum[p][t], w[p], a);
      }
    }
  }
#pragma GCC unroll 4
  for (int p = 0; p < kPanels; ++p)
#pragma GCC unroll 12
    for (int t = 0; t < kTokens; ++t) store(y + (size_t)t * y_stride + 16 * p, sum[p][t]);
}

// `columns` of so many panels, from the beginning of a group.
HALFBYTE_INLINE void multiply_pairs(const std::byte* panel, size_t panel_bytes, int panels, const uint16_t* x, size_t group_stride,
                                    int columns, int tokens, bool is_first, float* y, size_t y_stride) {
  const int tiles = (tokens + kPairTile - 1) / kPairTile;  // of nearly equal size
  for (int tile = 0; tile < tiles; ++tile) {
    const int first = tokens * tile / tiles, n = tokens * (tile + 1) / tiles - first;
    with_constant<kPairTile>(n, [&](auto count) {
      constexpr int kTokens = decltype(count)::value;
      for_tiles<kPairPanels<kTokens>>(0, panels, [&](auto at_once, int p) {
        add_pairs<decltype(at_once)::value, kTokens>(panel + (size_t)p * panel_bytes, panel_bytes, x + first * kGroup, group_stride,
                                                     columns, is_first, y + (size_t)first * y_stride + 16 * p, y_stride);
      });
    });
  }
}
