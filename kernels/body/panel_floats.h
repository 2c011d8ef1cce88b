// Float weights times float activations: F32, F16, BF16.
//
//   y = (((0 + chain of columns 0..255) + chain of columns 256..511) + ..); a chain is fma(w, x, sum) over ascending columns from 0
//
// A register tile is kPanels x 16 rows times kTokens tokens: kFloatChains independent chains hide the latency of a multiply-add.
// One token is bound by memory and takes four panels at once, many tokens take the weights of a group from the nearest cache.

// Activations of a tile are copied side by side: rows 8 KiB apart would share the lines of one cache set, and constant distances
// need no address registers. 16 floats more than a group, so that rows do not alias at 4 KiB either.
constexpr int kFloatRow = kGroup + 16;
static_assert(kFloatTile * kFloatRow * sizeof(float) <= panel_scratch_bytes(0), "a tile fits the scratch");

// Panels a tile of kTokens tokens takes at once: a power of two, at most 4.
template <int kTokens>
constexpr int kFloatPanels = kFloatChains / kTokens >= 4   ? 4
                             : kFloatChains / kTokens >= 2 ? 2
                                                           : 1;

template <class Column, int kPanels, int kTokens>
__attribute__((noinline)) void add_chains(const std::byte* panel, size_t panel_bytes, const float* x, int columns, bool is_first, float* y,
                                          size_t y_stride) {
  constexpr int kStep = 4;
  F sum[kPanels][kTokens];
#pragma GCC unroll 4
  for (int p = 0; p < kPanels; ++p)
#pragma GCC unroll 12
    for (int t = 0; t < kTokens; ++t) sum[p][t] = splat(0.0F);
  const auto add_column = [&](int k) __attribute__((always_inline)) {
    F w[kPanels];
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p) w[p] = Column::weights(panel + (size_t)p * panel_bytes + Column::kBytes * k);
#pragma GCC unroll 12
    for (int t = 0; t < kTokens; ++t) {
      const F a = splat(x[t * kFloatRow + k]);
#pragma GCC unroll 4
      for (int p = 0; p < kPanels; ++p) sum[p][t] = fma(w[p], a, sum[p][t]);
    }
  };
  int k = 0;
  for (; k + kStep <= columns; k += kStep) {
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p) prefetch_ahead<kStep * Column::kBytes>(panel + (size_t)p * panel_bytes, k / kStep);
#pragma GCC unroll 4
    for (int i = 0; i < kStep; ++i) add_column(k + i);
  }
  for (; k < columns; ++k) add_column(k);
#pragma GCC unroll 4
  for (int p = 0; p < kPanels; ++p)
#pragma GCC unroll 12
    for (int t = 0; t < kTokens; ++t) {
      float* out = y + (size_t)t * y_stride + 16 * p;
      store(out, add(is_first ? splat(0.0F) : load(out), sum[p][t]));
    }
}

template <class Column>
HALFBYTE_INLINE void multiply_floats(const std::byte* panel, size_t panel_bytes, int panels, const Activations& x, int columns, int tokens,
                                     float* y, size_t y_stride, std::byte* scratch) {
  const int tiles = (tokens + kFloatTile - 1) / kFloatTile;  // of nearly equal size
  for (int begin = 0; begin < panels; begin += kPanelsAtOnce) {
    const int end = panels - begin < kPanelsAtOnce ? panels : begin + kPanelsAtOnce;
    for (int k = 0; k < columns; k += kGroup) {
      const int width = columns - k < kGroup ? columns - k : kGroup;
      for (int tile = 0; tile < tiles; ++tile) {
        const int first = tokens * tile / tiles, n = tokens * (tile + 1) / tiles - first;
        const float* rows = x.f + (size_t)first * x.f_stride + k;
        if (n > 1) {
          for (int t = 0; t < n; ++t) memcpy((float*)scratch + t * kFloatRow, rows + (size_t)t * x.f_stride, (size_t)width * sizeof *rows);
          rows = (const float*)scratch;
        }
        with_constant<kFloatTile>(n, [&](auto count) {
          constexpr int kTokens = decltype(count)::value;
          for_tiles<kFloatPanels<kTokens>>(begin, end, [&](auto at_once, int p) {
            add_chains<Column, decltype(at_once)::value, kTokens>(panel + (size_t)p * panel_bytes + (size_t)k * Column::kBytes, panel_bytes,
                                                                  rows, width, k == 0, y + (size_t)first * y_stride + 16 * p, y_stride);
          });
        });
      }
    }
  }
}

#define HALFBYTE_FLOAT_KERNEL(name, Column)                                                                                  \
  void name(const std::byte* panel, size_t panel_bytes, int panels, const Activations& x, int columns, int tokens, float* y, \
            size_t y_stride, std::byte* scratch) {                                                                           \
    multiply_floats<Column>(panel, panel_bytes, panels, x, columns, tokens, y, y_stride, scratch);                           \
  }
HALFBYTE_FLOAT_KERNEL(panel_f32, FloatColumn)
HALFBYTE_FLOAT_KERNEL(panel_f16, HalfColumn)
HALFBYTE_FLOAT_KERNEL(panel_bf16, BfloatColumn)
#undef HALFBYTE_FLOAT_KERNEL
