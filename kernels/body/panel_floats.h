// Float weights times float activations: F32, F16.
//
//   y = (((0 + chain of columns 0..255) + chain of columns 256..511) + ..); a chain is fma(w, x, sum) over ascending columns from 0
//
// A register tile is kPanels x 16 rows times kTokens tokens: kFloatChains independent chains hide the latency of a multiply-add.
// One token is bound by memory and takes four panels at once, many tokens take the weights of a group from the nearest cache, where
// halves were widened once for all of them.

// Activations of a tile are copied side by side: rows 8 KiB apart would share the lines of one cache set, and constant distances
// need no address registers. 16 floats more than a group, so that rows do not alias at 4 KiB either.
constexpr int kFloatRow = kGroup + 16;
constexpr int kFloatPanelsAtOnce = 8;  // of many tokens: they share what is copied for a tile
constexpr int kWidenFrom = 4;          // tiles of tokens
constexpr size_t kFloatTileBytes = (kFloatTile * kFloatRow * sizeof(float) + 63) / 64 * 64;
static_assert(kFloatTileBytes + kFloatPanelsAtOnce * FloatColumn::kBytes * kGroup <= panel_scratch_bytes(0), "all fits the scratch");

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
    for (int p = 0; p < kPanels; ++p) prefetch_ahead<kNear, kStep * Column::kBytes>(panel + (size_t)p * panel_bytes, k / kStep);
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

// The columns of a group as float32, 16 rows of each.
template <class Column>
__attribute__((noinline)) void widen(const std::byte* panel, int columns, std::byte* out) {
  for (int k = 0; k < columns; ++k) store((float*)(out + FloatColumn::kBytes * k), Column::weights(panel + Column::kBytes * k));
}

// One group of columns of `panels` panels; `x` begins at the group, `y` at the first panel.
template <class Column>
HALFBYTE_INLINE void multiply_group(const std::byte* panel, size_t panel_bytes, int panels, const float* x, size_t x_stride, int width,
                                    int tokens, bool is_first, float* y, size_t y_stride, std::byte* copies) {
  const int tiles = (tokens + kFloatTile - 1) / kFloatTile;  // of nearly equal size
  for (int tile = 0; tile < tiles; ++tile) {
    const int first = tokens * tile / tiles, n = tokens * (tile + 1) / tiles - first;
    const float* rows = x + (size_t)first * x_stride;
    if (n > 1) {
      for (int t = 0; t < n; ++t) memcpy((float*)copies + t * kFloatRow, rows + (size_t)t * x_stride, (size_t)width * sizeof *rows);
      rows = (const float*)copies;
    }
    with_constant<kFloatTile>(n, [&](auto count) {
      constexpr int kTokens = decltype(count)::value;
      for_tiles<kFloatPanels<kTokens>>(0, panels, [&](auto at_once, int p) {
        add_chains<Column, decltype(at_once)::value, kTokens>(panel + (size_t)p * panel_bytes, panel_bytes, rows, width, is_first,
                                                              y + (size_t)first * y_stride + 16 * p, y_stride);
      });
    });
  }
}

template <class Column>
HALFBYTE_INLINE void multiply_floats(const std::byte* panel, size_t panel_bytes, int panels, const Activations& x, int columns, int tokens,
                                     float* y, size_t y_stride, std::byte* scratch) {
  std::byte* const wide = scratch + kFloatTileBytes;
  constexpr size_t kWideBytes = (size_t)FloatColumn::kBytes * kGroup;
  const bool is_many = tokens >= kWidenFrom * kFloatTile;
  const int at_once = is_many ? kFloatPanelsAtOnce : kPanelsAtOnce;  // fewer when they come from memory: as many streams
  for (int begin = 0; begin < panels; begin += at_once) {
    const int count = panels - begin < at_once ? panels - begin : at_once;
    for (int k = 0; k < columns; k += kGroup) {
      const int width = columns - k < kGroup ? columns - k : kGroup;
      const std::byte* group = panel + (size_t)begin * panel_bytes + (size_t)k * Column::kBytes;
      float* out = y + 16 * begin;
      if (is_many && Column::kBytes < FloatColumn::kBytes) {
        for (int p = 0; p < count; ++p) widen<Column>(group + (size_t)p * panel_bytes, width, wide + (size_t)p * kWideBytes);
        multiply_group<FloatColumn>(wide, kWideBytes, count, x.f + k, x.f_stride, width, tokens, k == 0, out, y_stride, scratch);
      } else {
        multiply_group<Column>(group, panel_bytes, count, x.f + k, x.f_stride, width, tokens, k == 0, out, y_stride, scratch);
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
#undef HALFBYTE_FLOAT_KERNEL
