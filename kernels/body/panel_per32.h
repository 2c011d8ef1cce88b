// Formats with a scale (and a minimum) per 32 columns: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL, MXFP4.
//
//   acc  = fma(float(dot of a block), d_w * d_a, acc)     over ascending blocks
//   acc2 = fma(m_w, d_a * float(sum of q_a), acc2)        over ascending blocks, for formats with a minimum
//   y    = acc + acc2
// Stored weights are unsigned; their offset (8 for Q4_0) enters the dot product as -offset * (sum of q_a), exactly.

constexpr int kBlock = 32;
constexpr int kGroupBlocks = kGroup / kBlock;
constexpr size_t kHalves = 32;  // bytes of the 16 half floats of a block

HALFBYTE_INLINE size_t halves_bytes(int blocks) { return ((size_t)blocks * kHalves + 63) / 64 * 64; }

// The nibbles of columns 4j..4j+3 of block b: four vectors a block, high nibbles are 16 columns further than low ones.
HALFBYTE_INLINE I nibbles_of(const std::byte* quants, int b, int j) {
  const I both = load_int(quants + 256 * b + 64 * (j % 4));
  return bit_and(j < 4 ? both : shift_right(both, 4), splat_int(0x0f0f0f0f));
}

// One group of a Q4_0 .. Q5_1 panel, by pairs of blocks: scales | minima | fifth bits | four vectors of nibbles a block.
template <int kWidth, int kZero, bool kHasMinimum>
struct NibbleGroup {
  static constexpr int kBits = kWidth, kOffset = kZero;
  static constexpr bool kMinimum = kHasMinimum;
  static constexpr int kHigh = kBits == 5 ? 64 : 0;              // bytes of a block's fifth bits
  static constexpr int kHalvesOfPair = 64 * (kMinimum ? 2 : 1);  // of its scales and minima
  static constexpr int kPair = kHalvesOfPair + 2 * (kHigh + 256);
  static constexpr int kFetchedBytes = kPair / 2;  // of a block
  const std::byte *pairs, *end;
  int blocks;

  HALFBYTE_INLINE NibbleGroup(const std::byte* group, int n) : pairs(group), blocks(n) {
    end = group + kPair * (n / 2) + (n % 2 == 0 ? 0 : kHalvesOfPair + kHigh + 256);
  }
  HALFBYTE_INLINE const std::byte* pair(int b) const { return pairs + kPair * (b / 2); }
  HALFBYTE_INLINE F scale(int b) const { return load_half(pair(b) + kHalves * (b % 2)); }
  HALFBYTE_INLINE F minimum(int b) const { return load_half(pair(b) + 64 + kHalves * (b % 2)); }
  HALFBYTE_INLINE I weights(int b, int j) const {  // columns 4j..4j+3 of block b
    const std::byte* high = pair(b) + kHalvesOfPair;
    const int blocks_of_pair = (b | 1) < blocks ? 2 : 1;
    const I w = nibbles_of(high + kHigh * blocks_of_pair, b % 2, j);
    if (kBits == 4) return w;
    const I bit = load_int(high + 64 * (b % 2));
    return bit_or(w, bit_and(j < 4 ? shift_left(bit, 4 - j) : shift_right(bit, j - 4), splat_int(0x10101010)));
  }
};
typedef NibbleGroup<4, 8, false> Q4_0;
typedef NibbleGroup<4, 0, true> Q4_1;
typedef NibbleGroup<5, 16, false> Q5_0;
typedef NibbleGroup<5, 0, true> Q5_1;

// One group of a Q8_0 panel: scales | eight vectors of bytes a block.
struct Q8_0 {
  static constexpr int kBits = 8, kOffset = Dot<8>::kOffset;
  static constexpr bool kMinimum = false;
  static constexpr int kFetchedBytes = 32 + 512;
  const std::byte *scales, *bytes, *end;

  HALFBYTE_INLINE Q8_0(const std::byte* group, int blocks) {
    scales = group;
    bytes = scales + halves_bytes(blocks);
    end = bytes + 512 * blocks;
  }
  HALFBYTE_INLINE F scale(int b) const { return load_half(scales + kHalves * b); }
  HALFBYTE_INLINE F minimum(int) const { return splat(0.0F); }
  HALFBYTE_INLINE I weights(int b, int j) const { return as_dot_weights<8>(load_int(bytes + 512 * b + 64 * j)); }
};

// Doubled levels of MXFP4, raised to begin at 0.
struct RaisedLevels {
  int8_t at[16];
  constexpr RaisedLevels() : at() {
    for (int i = 0; i < 16; ++i) at[i] = (int8_t)(kE2m1Doubled[i] + 12);
  }
};
constexpr RaisedLevels kE2m1Raised;

// One group of an IQ4_NL panel: as Q4_0, the nibbles are indices into levels of 8 bits.
struct IQ4_NL {
  static constexpr int kBits = 8, kOffset = Dot<8>::kOffset;
  static constexpr bool kMinimum = false;
  static constexpr int kFetchedBytes = 32 + 256;
  const std::byte *scales, *quants, *end;
  I levels;

  HALFBYTE_INLINE IQ4_NL(const std::byte* group, int blocks) : levels(as_dot_weights<8>(byte_table(kIq4Levels))) {
    scales = group;
    quants = scales + halves_bytes(blocks);
    end = quants + 256 * blocks;
  }
  HALFBYTE_INLINE F scale(int b) const { return load_half(scales + kHalves * b); }
  HALFBYTE_INLINE F minimum(int) const { return splat(0.0F); }
  HALFBYTE_INLINE I weights(int b, int j) const { return look_up(levels, nibbles_of(quants, b, j)); }
};

// One group of an MXFP4 panel: exponents, 16 bytes a block | four vectors of nibbles a block. Raised levels have five bits.
struct MXFP4 {
  static constexpr int kBits = 5, kOffset = 12;
  static constexpr bool kMinimum = false;
  static constexpr int kFetchedBytes = 16 + 256;
  const std::byte *exponents, *quants, *end;
  I levels;

  HALFBYTE_INLINE MXFP4(const std::byte* group, int blocks) : levels(byte_table(kE2m1Raised.at)) {
    exponents = group;
    quants = exponents + ((size_t)blocks * 16 + 63) / 64 * 64;
    end = quants + 256 * blocks;
  }
  // 2^(e - 128), half the scale as the levels are doubled; e = 0 and 1 are subnormal.
  HALFBYTE_INLINE F scale(int b) const {
    const I e = load_bytes(exponents + 16 * b);
    return select_less(e, splat_int(2), from_bits(shift_left(add_int(e, splat_int(1)), 21)),
                       from_bits(shift_left(sub_int(e, splat_int(1)), 23)));
  }
  HALFBYTE_INLINE F minimum(int) const { return splat(0.0F); }
  HALFBYTE_INLINE I weights(int b, int j) const { return look_up(levels, nibbles_of(quants, b, j)); }
};

// The same group unpacked into scratch: per block scale, minimum, eight vectors of bytes ready for Dot.
template <class Format>
struct Unpacked32 {
  static constexpr int kBits = Format::kBits, kOffset = Format::kOffset;
  static constexpr bool kMinimum = Format::kMinimum;
  static constexpr int kFetchedBytes = 0;  // it lies in the nearest caches
  static constexpr size_t kQuants = kMinimum ? 128 : 64, kBytes = kQuants + 512;
  static_assert(kBytes <= kBlock * 24 && kWideTile <= 16, "fits panel_scratch_bytes");
  const std::byte *blocks, *end;

  HALFBYTE_INLINE Unpacked32(const std::byte* group, int n) : blocks(group), end(group + kBytes * n) {}
  HALFBYTE_INLINE F scale(int b) const { return load((const float*)(blocks + kBytes * b)); }
  HALFBYTE_INLINE F minimum(int b) const { return load((const float*)(blocks + kBytes * b + 64)); }
  HALFBYTE_INLINE I weights(int b, int j) const { return load_int(blocks + kBytes * b + kQuants + 64 * j); }
};

template <class Format>
struct ProductPer32 {
  typedef Format Direct;
  typedef Unpacked32<Format> Unpacked;
  static constexpr int kUnpackFrom = kUnpackFrom32;

  static void unpack(const std::byte* panel, int columns, std::byte* out);

  // What a tile of tokens brings to each block besides its bytes: per group [tokens][8] scales, then
  // [tokens][8] of d_a * sum (with a minimum) or -offset * sum (with an offset).
  static size_t sides_bytes(int columns, int tokens) { return ((size_t)columns + kGroup - 1) / kGroup * 64 * (size_t)tokens; }
  static void gather(const Activations& x, int first, int tokens, int columns, std::byte* sides);

  static size_t unpacked_bytes(int columns) { return (size_t)columns / kBlock * Unpacked::kBytes; }

  // 16 rows of each of kPanels panels times kTokens tokens.
  template <class Source, int kPanels, int kTokens>
  static void rows(const std::byte* panel, size_t panel_bytes, const std::byte* sides, const Activations& x, int first, int columns,
                   float* y, size_t y_stride);
};

template <class Format>
void ProductPer32<Format>::unpack(const std::byte* panel, int columns, std::byte* out) {
  for (int left = columns / kBlock; left > 0; left -= kGroupBlocks) {
    const int blocks = left < kGroupBlocks ? left : kGroupBlocks;
    const Format group(panel, blocks);
    for (int b = 0; b < blocks; ++b) {
      store((float*)out, group.scale(b));
      if (Format::kMinimum) store((float*)(out + 64), group.minimum(b));
      out += Unpacked32<Format>::kQuants;
#pragma GCC unroll 8
      for (int j = 0; j < 8; ++j, out += 64) store_int(out, group.weights(b, j));
    }
    panel = group.end;
  }
}

template <class Format>
__attribute__((noinline)) void ProductPer32<Format>::gather(const Activations& x, int first, int tokens, int columns, std::byte* sides) {
  const int blocks = columns / kBlock;
  for (int begin = 0; begin < blocks; begin += kGroupBlocks) {
    const int n = blocks - begin < kGroupBlocks ? blocks - begin : kGroupBlocks;
    for (int t = 0; t < tokens; ++t) {
      const float* scales = x.scale + (size_t)(first + t) * x.scale_stride + begin;
      const int16_t* sums = x.sum32 + (size_t)(first + t) * x.sum32_stride + begin;
      float* scale_out = (float*)sides + 8 * t;
      float* minimum_out = (float*)sides + 8 * (tokens + t);
      int32_t* offset_out = (int32_t*)minimum_out;
      for (int b = 0; b < n; ++b) {
        scale_out[b] = scales[b];
        if (Format::kMinimum) minimum_out[b] = scales[b] * (float)sums[b];
        if (Format::kOffset != 0) offset_out[b] = -Format::kOffset * (int32_t)sums[b];
      }
    }
    sides += 64 * (size_t)tokens;
  }
}

template <class Format>
template <class Source, int kPanels, int kTokens>
__attribute__((noinline)) void ProductPer32<Format>::rows(const std::byte* panel, size_t panel_bytes, const std::byte* sides,
                                                          const Activations& x, int first, int columns, float* y, size_t y_stride) {
  // One token reads minima where they lie, so that it reads in order; more tokens read them again, for want of registers.
  constexpr bool kMinimaApart = Source::kMinimum && kTokens > 1;
  F acc[kPanels][kTokens], acc2[kPanels][kTokens];
  const auto begin_with_zeros = [](F(&sums)[kPanels][kTokens]) __attribute__((always_inline)) {
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p)
#pragma GCC unroll 12
      for (int t = 0; t < kTokens; ++t) sums[p][t] = splat(0.0F);
  };
  begin_with_zeros(acc);
  if constexpr (!kMinimaApart) begin_with_zeros(acc2);
  const size_t stride = x.q_stride;
  const int8_t* q = x.q + (size_t)first * stride;
  const std::byte* at = panel;
  const std::byte* side = sides;
  for (int left = columns / kBlock; left > 0; left -= kGroupBlocks) {
    const int blocks = left < kGroupBlocks ? left : kGroupBlocks;
    const Groups<Source, kPanels> group(at, panel_bytes, blocks);
    const float* scales = (const float*)side;
    const int32_t* offsets = (const int32_t*)(side + 32 * kTokens);
    const float* minimum_sums = (const float*)(side + 32 * kTokens);
    for (int b = 0; b < blocks; ++b, q += kBlock) {
      prefetch_ahead<kTokens == 1 ? kNear : kFar, Source::kFetchedBytes>(at, b);
      Dot<Source::kBits> dot[kPanels][kTokens];
      I total[kPanels][kTokens];
#pragma GCC unroll 8
      for (int j = 0; j < 8; ++j) {
        I w[kPanels];
#pragma GCC unroll 4
        for (int p = 0; p < kPanels; ++p) w[p] = group[p].weights(b, j);
#pragma GCC unroll 12
        for (int t = 0; t < kTokens; ++t) {
          const Quad a = quad(q + t * stride + 4 * j);
          const auto start = [&] { return splat_int(Source::kOffset != 0 ? offsets[8 * t + b] : 0); };
#pragma GCC unroll 4
          for (int p = 0; p < kPanels; ++p) dot[p][t].add(j, w[p], a, total[p][t], start);
        }
      }
#pragma GCC unroll 4
      for (int p = 0; p < kPanels; ++p) {
        const F scale_w = group[p].scale(b);
#pragma GCC unroll 12
        for (int t = 0; t < kTokens; ++t) acc[p][t] = fma(to_float(total[p][t]), mul(scale_w, splat(scales[8 * t + b])), acc[p][t]);
        if constexpr (Source::kMinimum && !kMinimaApart) acc2[p][0] = fma(group[p].minimum(b), splat(minimum_sums[b]), acc2[p][0]);
      }
    }
    at = group[0].end;
    side += 64 * kTokens;
  }
  if constexpr (kMinimaApart) {
    begin_with_zeros(acc2);
    at = panel;
    side = sides;
    for (int left = columns / kBlock; left > 0; left -= kGroupBlocks) {
      const int blocks = left < kGroupBlocks ? left : kGroupBlocks;
      const Groups<Source, kPanels> group(at, panel_bytes, blocks);
      const float* sums = (const float*)(side + 32 * kTokens);
      for (int b = 0; b < blocks; ++b) {
#pragma GCC unroll 4
        for (int p = 0; p < kPanels; ++p) {
          const F minimum = group[p].minimum(b);
#pragma GCC unroll 12
          for (int t = 0; t < kTokens; ++t) acc2[p][t] = fma(minimum, splat(sums[8 * t + b]), acc2[p][t]);
        }
      }
      at = group[0].end;
      side += 64 * kTokens;
    }
  }
#pragma GCC unroll 12
  for (int t = 0; t < kTokens; ++t)
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p)
      store(y + (size_t)(first + t) * y_stride + 16 * p, Source::kMinimum ? add(acc[p][t], acc2[p][t]) : acc[p][t]);
}

HALFBYTE_PANEL_KERNEL(panel_q4_0, ProductPer32<Q4_0>)
HALFBYTE_PANEL_KERNEL(panel_q4_1, ProductPer32<Q4_1>)
HALFBYTE_PANEL_KERNEL(panel_q5_0, ProductPer32<Q5_0>)
HALFBYTE_PANEL_KERNEL(panel_q5_1, ProductPer32<Q5_1>)
HALFBYTE_PANEL_KERNEL(panel_q8_0, ProductPer32<Q8_0>)
HALFBYTE_PANEL_KERNEL(panel_iq4_nl, ProductPer32<IQ4_NL>)
HALFBYTE_PANEL_KERNEL(panel_mxfp4, ProductPer32<MXFP4>)
