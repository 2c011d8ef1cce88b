// Products of weights and activations rounded to bf16, summed in float32: prompts of --fast-prompt.
// Include inside an unnamed namespace, after pairs.h and the tiles.
//
//   y = chain over pairs of columns of w[2i] * a[2i] + w[2i + 1] * a[2i + 1]
//
// One chain over all columns, whatever the tokens, the tile and the strip: a token's bits do not depend on its company. They do
// depend on the instruction that adds a pair (docs/kernels.md).

constexpr int kStripPanels = 2;    // unpacked together
constexpr int kStripWidth = 2048;  // columns of a strip, so that the strips of kStripPanels panels stay in L2

// Strip::unpack(panel, columns, out); Tiles::multiply(strips, strip_bytes, panels, x, group_stride, columns, tokens, is_first, y, y_stride)
// adds to y, or sets it where the strip is the first.
template <class Strip, class Tiles>
HALFBYTE_INLINE void multiply_strips(const std::byte* panel, size_t panel_bytes, int panels, const Activations& x, int columns, int tokens,
                                     float* y, size_t y_stride, std::byte* scratch) {
  const size_t strip_bytes = 32 * (size_t)((columns < kStripWidth ? columns + 31 : kStripWidth) / 32 * 32);
  static_assert(kStripPanels * 32 <= 4 * 24 && kStripWidth % kGroup == 0, "strips fit panel_scratch_bytes and begin with a group");
  for (int begin = 0; begin < panels; begin += kStripPanels) {
    const int count = panels - begin < kStripPanels ? panels - begin : kStripPanels;
    const std::byte* at[kStripPanels];
    for (int p = 0; p < count; ++p) at[p] = panel + (size_t)(begin + p) * panel_bytes;
    for (int k = 0; k < columns; k += kStripWidth) {
      const int width = columns - k < kStripWidth ? columns - k : kStripWidth;
      for (int p = 0; p < count; ++p) at[p] = Strip::unpack(at[p], width, scratch + (size_t)p * strip_bytes);
      Tiles::multiply(scratch, strip_bytes, count, x.bf16 + (size_t)(k / kGroup) * x.bf16_stride, x.bf16_stride, (width + 31) / 32 * 32,
                      tokens, k == 0, y + 16 * begin, y_stride);
    }
  }
}

#define HALFBYTE_STRIP_KERNEL(name, Strip, Tiles)                                                                            \
  void name(const std::byte* panel, size_t panel_bytes, int panels, const Activations& x, int columns, int tokens, float* y, \
            size_t y_stride, std::byte* scratch) {                                                                           \
    multiply_strips<Strip, Tiles>(panel, panel_bytes, panels, x, columns, tokens, y, y_stride, scratch);                     \
  }
