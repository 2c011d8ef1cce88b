// Strips of bf16 times activations in tile registers: prompts of --fast-prompt, all number formats.
// Include inside an unnamed namespace, after the tile registers and the sources of kernels/avx512_bf16.
//
//     A: activations [token][32 columns]  x  B: strip [pair of columns][row][2]  ->  sum: [token][row] float32, as y has them
//
// 32 tokens x 32 rows: four loads serve four products, and sums leave the registers once per strip.

struct Bf16Tiles {
  static void multiply(const std::byte* strips, size_t strip_bytes, int panels, const uint16_t* x, size_t group_stride, int columns,
                       int tokens, bool is_first, float* y, size_t y_stride) {
    for (int first = 0; first < tokens;) {  // all full steps, then what is left
      const int step = tokens - first < kStep ? tokens - first : kStep;
      const auto add = step > kTileTokens ? (panels == 2 ? add_products<2, 2> : add_products<2, 1>)
                                          : (panels == 2 ? add_products<1, 2> : add_products<1, 1>);
      configure_tiles(shapes(step));
      for (; tokens - first >= step; first += step)
        add(strips, strip_bytes, x + first * kGroup, group_stride, columns, is_first, y + (size_t)first * y_stride, y_stride);
      release_tiles();
    }
  }

 private:
  static constexpr int kStep = 2 * kTileTokens;

  // Tile registers: 2t + p sums, 4 + t activations, 6 + p weights; of `tokens` the first tile has what it can. A register that
  // stays empty has neither rows nor columns.
  static TileShapes shapes(int tokens) {
    const int first = tokens < kTileTokens ? tokens : kTileTokens;
    TileShapes shapes = {.palette = 1};
    for (int i = 0; i < 8; ++i) {
      shapes.rows[i] = (uint8_t)(i >= 6 ? 16 : i == 2 || i == 3 || i == 5 ? tokens - first : first);
      shapes.row_bytes[i] = shapes.rows[i] > 0 ? 64 : 0;
    }
    return shapes;
  }

  template <int kTokenTiles, int kPanels>
  static void add_products(const std::byte* strips, size_t strip_bytes, const uint16_t* x, size_t group_stride, int columns, bool is_first,
                           float* y, size_t y_stride) {
    const size_t y_bytes = y_stride * sizeof *y;
    const auto begin = [&]<int kTile>(Constant<kTile>, float* from) __attribute__((always_inline)) {
      if (is_first)
        zero_tile<kTile>();
      else
        load_tile<kTile>(from, y_bytes);
    };
    float* second = y + kTileTokens * y_stride;
    begin(Constant<0>{}, y);
    if constexpr (kPanels == 2) begin(Constant<1>{}, y + 16);
    if constexpr (kTokenTiles == 2) begin(Constant<2>{}, second);
    if constexpr (kTokenTiles == 2 && kPanels == 2) begin(Constant<3>{}, second + 16);
    for (int k = 0; k < columns; k += 32, strips += 16 * 64) {
      const uint16_t* a = x + (size_t)(k / kGroup) * group_stride + k % kGroup;
      load_tile<6>(strips, 64);
      if constexpr (kPanels == 2) load_tile<7>(strips + strip_bytes, 64);
      load_tile<4>(a, kGroup * sizeof *a);
      dot_bf16<0, 4, 6>();
      if constexpr (kPanels == 2) dot_bf16<1, 4, 7>();
      if constexpr (kTokenTiles == 2) {
        load_tile<5>(a + kTileTokens * kGroup, kGroup * sizeof *a);
        dot_bf16<2, 5, 6>();
        if constexpr (kPanels == 2) dot_bf16<3, 5, 7>();
      }
    }
    store_tile<0>(y, y_bytes);
    if constexpr (kPanels == 2) store_tile<1>(y + 16, y_bytes);
    if constexpr (kTokenTiles == 2) store_tile<2>(second, y_bytes);
    if constexpr (kTokenTiles == 2 && kPanels == 2) store_tile<3>(second + 16, y_bytes);
  }
};

HALFBYTE_STRIP_KERNEL(panel_f32, FloatStrip<FloatColumn>, Bf16Tiles)
HALFBYTE_STRIP_KERNEL(panel_f16, FloatStrip<HalfColumn>, Bf16Tiles)
HALFBYTE_STRIP_KERNEL(panel_bf16, PairStrip, Bf16Tiles)
HALFBYTE_STRIP_KERNEL(panel_q4_0, StripPer32<Q4_0>, Bf16Tiles)
HALFBYTE_STRIP_KERNEL(panel_q4_1, StripPer32<Q4_1>, Bf16Tiles)
HALFBYTE_STRIP_KERNEL(panel_q5_0, StripPer32<Q5_0>, Bf16Tiles)
HALFBYTE_STRIP_KERNEL(panel_q5_1, StripPer32<Q5_1>, Bf16Tiles)
HALFBYTE_STRIP_KERNEL(panel_q8_0, StripPer32<Q8_0>, Bf16Tiles)
HALFBYTE_STRIP_KERNEL(panel_iq4_nl, StripPer32<IQ4_NL>, Bf16Tiles)
HALFBYTE_STRIP_KERNEL(panel_mxfp4, StripPer32<MXFP4>, Bf16Tiles)
HALFBYTE_STRIP_KERNEL(panel_q2_k, StripPer256<Q2_K>, Bf16Tiles)
HALFBYTE_STRIP_KERNEL(panel_q3_k, StripPer256<Q3_K>, Bf16Tiles)
HALFBYTE_STRIP_KERNEL(panel_q4_k, StripPer256<Q4_K>, Bf16Tiles)
HALFBYTE_STRIP_KERNEL(panel_q5_k, StripPer256<Q5_K>, Bf16Tiles)
HALFBYTE_STRIP_KERNEL(panel_q6_k, StripPer256<Q6_K>, Bf16Tiles)
HALFBYTE_STRIP_KERNEL(panel_iq4_xs, StripPer256<IQ4_XS>, Bf16Tiles)
