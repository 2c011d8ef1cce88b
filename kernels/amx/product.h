// Products of panels and tiles of 16 tokens in tile registers; the tokens left over take the vector kernels.
// Include inside an unnamed namespace of the set, after the vector kernels (avx512_vnni) and the tile registers (tiles.h, or a model of them).
//
//     A: activations [token][columns]  x  B: panel vectors [columns / 4][row][4 bytes]  ->  sum: [token][row] int32
//
// An unpacked panel is B as it stands, q is A as it stands, and a row of the sum is the vector of 16 lanes that the vector kernels
// have: the same exact integers, and from there the same chains in the same order (panel_per32.h, panel_per256.h).

using namespace avx512_vnni;

constexpr int kTileTokens = 16;
// Tile registers: 0..3 sums, 4 and 5 activations, 6 and 7 weights; `columns` is 32 or 64.
constexpr TileShapes tile_shapes(int columns) {
  TileShapes shapes = {.palette = 1};
  for (int i = 0; i < 8; ++i) {
    shapes.row_bytes[i] = (uint16_t)(i == 4 || i == 5 ? columns : 64);
    shapes.rows[i] = (uint8_t)(i < 6 ? kTileTokens : columns / 4);
  }
  return shapes;
}

// Unsigned bytes w, stored with an offset, as the signed bytes w - offset: w + (128 - offset) is one byte, and as_dot_weights takes 128 off.
template <int kOffset>
HALFBYTE_INLINE I signed_weights(I w) {
  return kOffset == 0 ? w : as_dot_weights<8>(add_int(w, splat_int((int32_t)((128U - kOffset) * 0x01010101U))));
}

template <class Stored>
struct WithoutOffset : Stored {
  static constexpr int kOffset = 0;
  using Stored::Stored;
  HALFBYTE_INLINE I weights(int b, int j) const { return signed_weights<Stored::kOffset>(Stored::weights(b, j)); }
};

// A scale per 32 columns: a sum of one block, 32 columns, at a time.
template <class Stored>
struct TilesPer32 {
  typedef ProductPer32<WithoutOffset<Stored>> Product;
  typedef typename Product::Unpacked Unpacked;
  static constexpr TileShapes kShapes = tile_shapes(32);
  static constexpr int kPanels = 4;      // unpacked at once
  static constexpr int kTokenTiles = 1;  // of a call of rows()

  static void unpack(const std::byte* panel, int columns, std::byte* out) { Product::unpack(panel, columns, out); }
  static size_t unpacked_bytes(int columns) { return Product::unpacked_bytes(columns); }
  static size_t sides_bytes(int columns) { return Product::sides_bytes(columns, kTileTokens); }
  static void gather(const Activations& x, int first, int columns, std::byte* sides) {
    Product::gather(x, first, kTileTokens, columns, sides);
  }

  template <int>
  static __attribute__((noinline)) void rows(const std::byte* panel, const std::byte* sides, const Activations& x, int first, int columns,
                                             float* y, size_t y_stride) {
    F acc[kTileTokens];
#pragma GCC unroll 16
    for (int t = 0; t < kTileTokens; ++t) acc[t] = splat(0.0F);
    alignas(64) int32_t sums[kTileTokens][16];
    const int8_t* q = x.q + (size_t)first * x.q_stride;
    const int blocks = columns / kBlock;
    const Unpacked weights(panel, blocks);
    for (int b = 0; b < blocks; ++b) {
      zero_tile<0>();
      load_tile<4>(q + kBlock * b, x.q_stride);
      load_tile<6>(panel + Unpacked::kBytes * b + Unpacked::kQuants, 64);
      dot_signed<0, 4, 6>();
      store_tile<0>(sums, 64);
      const F scale_w = weights.scale(b);
      const float* scales = side(sides, b);
#pragma GCC unroll 16
      for (int t = 0; t < kTileTokens; ++t) acc[t] = fma(to_float(load_int(sums[t])), mul(scale_w, splat(scales[8 * t])), acc[t]);
    }
    if constexpr (Stored::kMinimum) {
      F acc2[kTileTokens];
#pragma GCC unroll 16
      for (int t = 0; t < kTileTokens; ++t) acc2[t] = splat(0.0F);
      for (int b = 0; b < blocks; ++b) {
        const F minimum = weights.minimum(b);
        const float* weighted = side(sides, b) + 8 * kTileTokens;
#pragma GCC unroll 16
        for (int t = 0; t < kTileTokens; ++t) acc2[t] = fma(minimum, splat(weighted[8 * t]), acc2[t]);
      }
#pragma GCC unroll 16
      for (int t = 0; t < kTileTokens; ++t) acc[t] = add(acc[t], acc2[t]);
    }
#pragma GCC unroll 16
    for (int t = 0; t < kTileTokens; ++t) store(y + (size_t)(first + t) * y_stride, acc[t]);
  }

 private:
  static HALFBYTE_INLINE const float* side(const std::byte* sides, int b) {  // see ProductPer32::gather
    return (const float*)(sides + (size_t)(b / kGroupBlocks) * 64 * kTileTokens) + b % kGroupBlocks;
  }
};

// Sub-scales inside 256 columns: each weight times its sub-scale is an int16, 256 * high + low with high signed and low unsigned, so
//   i = 256 * (dot of the high bytes) + (dot of the low bytes)
// is exact, and two sums run over all 256 columns, 64 at a time, whatever the sub-blocks are.
template <class Stored>
struct TilesPer256 {
  typedef SubScales<Stored::kSubBlocks> Scales;
  static constexpr TileShapes kShapes = tile_shapes(64);
  static constexpr int kPanels = 2;
  static constexpr int kTokenTiles = 2;
  static constexpr size_t kPlane = 16 * kGroup, kLow = sizeof(Scales), kHigh = kLow + kPlane, kBytes = kHigh + kPlane;
  static_assert(kPanels * kBytes <= 4 * 24 * kGroup, "fits panel_scratch_bytes");

  static size_t unpacked_bytes(int columns) { return (size_t)columns / kGroup * kBytes; }
  static size_t sides_bytes(int) { return 0; }
  static void gather(const Activations&, int, int, std::byte*) {}

  static HALFBYTE_INLINE void store_products(std::byte* low, I w, I scale) {
    const I factor = pair_of(scale, scale);
    const I even = _mm512_mullo_epi16(_mm512_srai_epi16(_mm512_slli_epi16(w, 8), 8), factor);
    const I odd = _mm512_mullo_epi16(_mm512_srai_epi16(w, 8), factor);
    constexpr __mmask64 kOdd = 0xaaaaaaaaaaaaaaaa;
    store_int(low, _mm512_mask_blend_epi8(kOdd, even, _mm512_slli_epi16(odd, 8)));
    store_int(low + kPlane, _mm512_mask_blend_epi8(kOdd, _mm512_srli_epi16(even, 8), odd));
  }
  static void unpack(const std::byte* panel, int columns, std::byte* out) {
    constexpr int kSubGroups = 64 / Stored::kSubBlocks;  // k-groups of 4 columns in a sub-block
    for (int k = 0; k < columns; k += kGroup, panel += Stored::kBytes, out += kBytes) {
      const Stored group(panel);
      *(Scales*)out = group.scales;
      for (int b = 0; b < 8; b += Stored::kParts)
#pragma GCC unroll 8
        for (int part = 0; part < Stored::kParts; ++part)
#pragma GCC unroll 8
          for (int j = 0; j < 8; ++j)
            store_products(out + kLow + 512 * (b + part) + 64 * j, signed_weights<Stored::kOffset>(group.weights(b, part, j)),
                           group.scales.factor[(8 * (b + part) + j) / kSubGroups]);
    }
  }

  template <int kTiles>  // of tokens, 1 or 2: a load of weights serves them all
  static __attribute__((noinline)) void rows(const std::byte* panel, const std::byte*, const Activations& x, int first, int columns,
                                             float* y, size_t y_stride) {
    constexpr int kTokens = kTiles * kTileTokens;
    F acc[kTokens], acc2[kTokens];
    for (int t = 0; t < kTokens; ++t) acc[t] = acc2[t] = splat(0.0F);
    alignas(64) int32_t low[kTokens][16], high[kTokens][16];
    const int8_t* q = x.q + (size_t)first * x.q_stride;
    const float* scale_a = x.scale + (size_t)first * x.scale_stride;
    const size_t sum_stride = Stored::kSubBlocks == 16 ? x.sum16_stride : x.sum32_stride;
    const int16_t* sums = (Stored::kSubBlocks == 16 ? x.sum16 : x.sum32) + (size_t)first * sum_stride;
    for (int k = 0; k < columns; k += kGroup, panel += kBytes, scale_a += 1, sums += Stored::kSubBlocks) {
      zero_tile<0>();
      zero_tile<1>();
      if constexpr (kTiles == 2) {
        zero_tile<2>();
        zero_tile<3>();
      }
      for (int i = 0; i < kGroup; i += 64) {
        load_tile<6>(panel + kLow + 16 * i, 64);
        load_tile<7>(panel + kHigh + 16 * i, 64);
        load_tile<4>(q + k + i, x.q_stride);
        dot_unsigned<0, 4, 6>();
        dot_signed<1, 4, 7>();
        if constexpr (kTiles == 2) {
          load_tile<5>(q + k + i + kTileTokens * x.q_stride, x.q_stride);
          dot_unsigned<2, 5, 6>();
          dot_signed<3, 5, 7>();
        }
      }
      store_tile<0>(low, 64);
      store_tile<1>(high, 64);
      if constexpr (kTiles == 2) {
        store_tile<2>(low[kTileTokens], 64);
        store_tile<3>(high[kTileTokens], 64);
      }
      const Scales& scales = *(const Scales*)panel;
      for (int t = 0; t < kTokens; ++t) {
        const F d_a = splat(scale_a[t * x.scale_stride]);
        if constexpr (Stored::kMinimum) {
          I with_sums = splat_int(0);
#pragma GCC unroll 8
          for (int i = 0; i < Stored::kSubBlocks / 2; ++i) with_sums = dot_pair(with_sums, scales.pair[i], sums + t * sum_stride + 2 * i);
          acc2[t] = fma(to_float(with_sums), mul(scales.minimum, d_a), acc2[t]);
        }
        const I total = add_int(load_int(low[t]), shift_left(load_int(high[t]), 8));
        acc[t] = fma(to_float(total), mul(scales.scale, d_a), acc[t]);
      }
    }
    for (int t = 0; t < kTokens; ++t) store(y + (size_t)(first + t) * y_stride, Stored::kMinimum ? sub(acc[t], acc2[t]) : acc[t]);
  }
};

HALFBYTE_INLINE Activations from_token(Activations x, int first) {
  x.q += (size_t)first * x.q_stride;
  x.scale += (size_t)first * x.scale_stride;
  x.sum32 += (size_t)first * x.sum32_stride;
  x.sum16 += (size_t)first * x.sum16_stride;
  return x;
}

template <class Tiles>
void multiply_tiles(const std::byte* panel, size_t panel_bytes, int panels, const Activations& x, int columns, int tokens, float* y,
                    size_t y_stride, std::byte* scratch) {
  constexpr int kStep = Tiles::kTokenTiles * kTileTokens;
  const size_t unpacked_bytes = Tiles::unpacked_bytes(columns);
  std::byte* unpacked = scratch + Tiles::sides_bytes(columns);
  configure_tiles(Tiles::kShapes);
  for (int begin = 0; begin < panels; begin += Tiles::kPanels) {
    const int count = panels - begin < Tiles::kPanels ? panels - begin : Tiles::kPanels;
    for (int p = 0; p < count; ++p)
      Tiles::unpack(panel + (size_t)(begin + p) * panel_bytes, columns, unpacked + (size_t)p * unpacked_bytes);
    for (int first = 0; first < tokens; first += kStep) {
      Tiles::gather(x, first, columns, scratch);
      for (int p = 0; p < count; ++p) {
        const std::byte* weights = unpacked + (size_t)p * unpacked_bytes;
        float* out = y + 16 * (begin + p);
        if (tokens - first < kStep)
          Tiles::template rows<1>(weights, scratch, x, first, columns, out, y_stride);
        else
          Tiles::template rows<Tiles::kTokenTiles>(weights, scratch, x, first, columns, out, y_stride);
      }
    }
  }
  release_tiles();
}

#define HALFBYTE_TILE_KERNELS(KERNEL)      \
  KERNEL(panel_q4_0, TilesPer32<Q4_0>)     \
  KERNEL(panel_q4_1, TilesPer32<Q4_1>)     \
  KERNEL(panel_q5_0, TilesPer32<Q5_0>)     \
  KERNEL(panel_q5_1, TilesPer32<Q5_1>)     \
  KERNEL(panel_q8_0, TilesPer32<Q8_0>)     \
  KERNEL(panel_iq4_nl, TilesPer32<IQ4_NL>) \
  KERNEL(panel_mxfp4, TilesPer32<MXFP4>)   \
  KERNEL(panel_q2_k, TilesPer256<Q2_K>)    \
  KERNEL(panel_q3_k, TilesPer256<Q3_K>)    \
  KERNEL(panel_q4_k, TilesPer256<Q4_K>)    \
  KERNEL(panel_q5_k, TilesPer256<Q5_K>)    \
  KERNEL(panel_q6_k, TilesPer256<Q6_K>)    \
  KERNEL(panel_iq4_xs, TilesPer256<IQ4_XS>)

#define HALFBYTE_TILE_KERNEL(name, Tiles)                                                                                               \
  void name(const std::byte* panel, size_t panel_bytes, int panels, const Activations& x, int columns, int tokens, float* y,            \
            size_t y_stride, std::byte* scratch) {                                                                                      \
    const int tiled = tokens / kTileTokens * kTileTokens;                                                                               \
    if (tiled > 0) multiply_tiles<Tiles>(panel, panel_bytes, panels, x, columns, tiled, y, y_stride, scratch);                          \
    if (tiled < tokens)                                                                                                                 \
      avx512_vnni::kTable.name(panel, panel_bytes, panels, from_token(x, tiled), columns, tokens - tiled, y + (size_t)tiled * y_stride, \
                               y_stride, scratch);                                                                                      \
  }
HALFBYTE_TILE_KERNELS(HALFBYTE_TILE_KERNEL)
#undef HALFBYTE_TILE_KERNEL

constexpr KernelTable tile_kernels() {
  KernelTable table;
#define HALFBYTE_TILE_KERNEL(name, Tiles) table.name = name;
  HALFBYTE_TILE_KERNELS(HALFBYTE_TILE_KERNEL)
#undef HALFBYTE_TILE_KERNEL
  return table;
}
#undef HALFBYTE_TILE_KERNELS
