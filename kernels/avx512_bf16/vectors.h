// Pairs of bf16 times activations in vector registers: VDPBF16PS adds the two products of every lane to its sum.
// Include inside an unnamed namespace, after kernels/body/product.h.

struct VectorTiles {
  // 24 sums, as 2 panels x 12 tokens or 4 x 6, hide the latency of an addition and leave registers for the weights.
  static constexpr int kTokens = 12;
  template <int kCount>
  static constexpr int kPanels = kCount <= 6 ? 4 : 2;

  // `columns` of so many panels, or strips of them: 64 bytes a pair of columns.
  static void multiply(const std::byte* strips, size_t strip_bytes, int panels, const uint16_t* x, size_t group_stride, int columns,
                       int tokens, bool is_first, float* y, size_t y_stride) {
    const int tiles = (tokens + kTokens - 1) / kTokens;  // of nearly equal size
    for (int tile = 0; tile < tiles; ++tile) {
      const int first = tokens * tile / tiles, n = tokens * (tile + 1) / tiles - first;
      with_constant<kTokens>(n, [&](auto count) {
        constexpr int kCount = decltype(count)::value;
        for_tiles<kPanels<kCount>>(0, panels, [&](auto at_once, int p) {
          add_pairs<decltype(at_once)::value, kCount>(strips + (size_t)p * strip_bytes, strip_bytes, x + first * kGroup, group_stride,
                                                      columns, is_first, y + (size_t)first * y_stride + 16 * p, y_stride);
        });
      });
    }
  }

 private:
  template <int kPanels, int kCount>
  static __attribute__((noinline)) void add_pairs(const std::byte* strips, size_t strip_bytes, const uint16_t* x, size_t group_stride,
                                                  int columns, bool is_first, float* y, size_t y_stride) {
    F sum[kPanels][kCount];
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p)
#pragma GCC unroll 12
      for (int t = 0; t < kCount; ++t) sum[p][t] = is_first ? splat(0.0F) : load(y + (size_t)t * y_stride + 16 * p);
    for (int k = 0; k < columns; k += kGroup, x += group_stride) {
      const int end = columns - k < kGroup ? columns - k : kGroup;
      for (int i = 0; i < end; i += 2, strips += 64) {
        __m512bh w[kPanels];
#pragma GCC unroll 4
        for (int p = 0; p < kPanels; ++p) {
          const std::byte* at = strips + (size_t)p * strip_bytes;
          if (kCount <= 6) prefetch_ahead<kNear, 64>(at, 0);  // it may come from memory
          w[p] = (__m512bh)load_int(at);
        }
#pragma GCC unroll 12
        for (int t = 0; t < kCount; ++t) {
          const __m512bh a = (__m512bh)quad((const int8_t*)(x + t * kGroup + i));
#pragma GCC unroll 4
          for (int p = 0; p < kPanels; ++p) sum[p][t] = _mm512_dpbf16_ps(sum[p][t], w[p], a);
        }
      }
    }
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p)
#pragma GCC unroll 12
      for (int t = 0; t < kCount; ++t) store(y + (size_t)t * y_stride + 16 * p, sum[p][t]);
  }
};
