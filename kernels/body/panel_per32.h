// Formats with a scale (and a minimum) per 32 columns: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0.
//
//   acc  = fma(float(dot of a block), d_w * d_a, acc)     over ascending blocks
//   acc2 = fma(m_w, d_a * float(sum of q_a), acc2)        over ascending blocks, for formats with a minimum
//   y    = acc + acc2
// Stored weights are unsigned; their offset (8 for Q4_0) enters the dot product as -offset * (sum of q_a), exactly.

constexpr int kBlock = 32;
constexpr int kGroupBlocks = kGroup / kBlock;
constexpr size_t kHalves = 32;  // bytes of the 16 half floats of a block

HALFBYTE_INLINE size_t halves_bytes(int blocks) { return ((size_t)blocks * kHalves + 63) / 64 * 64; }

// One group of a Q4_0 .. Q5_1 panel: scales | minima | fifth bits | four vectors of nibbles a block.
template <int kWidth, int kZero, bool kHasMinimum>
struct NibbleGroup {
  static constexpr int kBits = kWidth, kOffset = kZero;
  static constexpr bool kMinimum = kHasMinimum;
  static constexpr int kFetchedBytes = 32 + (kMinimum ? 32 : 0) + (kBits == 5 ? 64 : 0) + 256;  // of a block
  const std::byte *scales, *minima, *high, *low, *end;

  HALFBYTE_INLINE NibbleGroup(const std::byte* group, int blocks) {
    scales = group;
    minima = scales + halves_bytes(blocks);
    high = minima + (kMinimum ? halves_bytes(blocks) : 0);
    low = high + (kBits == 5 ? 64 * blocks : 0);
    end = low + 256 * blocks;
  }
  HALFBYTE_INLINE F scale(int b) const { return load_half(scales + kHalves * b); }
  HALFBYTE_INLINE F minimum(int b) const { return load_half(minima + kHalves * b); }
  HALFBYTE_INLINE I weights(int b, int j) const {  // columns 4j..4j+3 of block b
    const I nibbles = load_int(low + 256 * b + 64 * (j % 4));
    const I w = bit_and(j < 4 ? nibbles : shift_right(nibbles, 4), splat_int(0x0f0f0f0f));
    if (kBits == 4) return w;
    const I bit = load_int(high + 64 * b);
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

// The same group unpacked into scratch: per block scale, minimum, eight vectors of bytes ready for Dot.
template <class Format>
struct Unpacked32 {
  static constexpr int kBits = Format::kBits, kOffset = Format::kOffset;
  static constexpr bool kMinimum = Format::kMinimum;
  static constexpr int kFetchedBytes = 0;  // it lies in the nearest caches
  static constexpr size_t kQuants = kMinimum ? 128 : 64, kBytes = kQuants + 512;
  static_assert(kBytes + 8 * kTile <= kBlock * 24, "fits panel_scratch_bytes with the side values of a tile");
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
  static constexpr bool kBitsApart = Format::kBits == 5;  // putting the fifth bit to its nibble costs most of the unpacking
  static constexpr int kUnpackFrom = kBitsApart ? kUnpackFrom32 : 0;

  static void unpack(const std::byte* panel, int columns, std::byte* out);

  // What a tile of tokens brings to each block besides its bytes: per group [tokens][8] scales, then
  // [tokens][8] of d_a * sum (with a minimum) or -offset * sum (with an offset).
  static size_t sides_bytes(int columns, int tokens) { return ((size_t)columns + kGroup - 1) / kGroup * 64 * (size_t)tokens; }
  static void gather(const Activations& x, int first, int tokens, int columns, std::byte* sides);

  // 16 rows times kTokens tokens.
  template <class Source, int kTokens>
  static void rows(const std::byte* panel, const std::byte* sides, const Activations& x, int first, int columns, float* y, size_t y_stride);
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
template <class Source, int kTokens>
__attribute__((noinline)) void ProductPer32<Format>::rows(const std::byte* panel, const std::byte* sides, const Activations& x, int first,
                                                          int columns, float* y, size_t y_stride) {
  F acc[kTokens];
#pragma GCC unroll 12
  for (int t = 0; t < kTokens; ++t) acc[t] = splat(0.0F);
  const size_t stride = x.q_stride;
  const int8_t* q = x.q + (size_t)first * stride;
  const std::byte* at = panel;
  const std::byte* side = sides;
  for (int left = columns / kBlock; left > 0; left -= kGroupBlocks) {
    const int blocks = left < kGroupBlocks ? left : kGroupBlocks;
    const Source group(at, blocks);
    const float* scales = (const float*)side;
    const int32_t* offsets = (const int32_t*)(side + 32 * kTokens);
    for (int b = 0; b < blocks; ++b, q += kBlock) {
      if (Source::kFetchedBytes > 0) prefetch_ahead<Source::kFetchedBytes>(at, b);
      Dot<Source::kBits> dot[kTokens];
      I total[kTokens];
#pragma GCC unroll 8
      for (int j = 0; j < 8; ++j) {
        const I w = group.weights(b, j);
#pragma GCC unroll 12
        for (int t = 0; t < kTokens; ++t) {
          const auto start = [&] { return splat_int(Source::kOffset != 0 ? offsets[8 * t + b] : 0); };
          dot[t].add(j, w, quad(q + t * stride + 4 * j), total[t], start);
        }
      }
      const F scale_w = group.scale(b);
#pragma GCC unroll 12
      for (int t = 0; t < kTokens; ++t) acc[t] = fma(to_float(total[t]), mul(scale_w, splat(scales[8 * t + b])), acc[t]);
    }
    at = group.end;
    side += 64 * kTokens;
  }
  if constexpr (Source::kMinimum) {
    F acc2[kTokens];
#pragma GCC unroll 12
    for (int t = 0; t < kTokens; ++t) acc2[t] = splat(0.0F);
    at = panel;
    side = sides;
    for (int left = columns / kBlock; left > 0; left -= kGroupBlocks) {
      const int blocks = left < kGroupBlocks ? left : kGroupBlocks;
      const Source group(at, blocks);
      const float* sums = (const float*)(side + 32 * kTokens);
      for (int b = 0; b < blocks; ++b) {
        const F minimum = group.minimum(b);
#pragma GCC unroll 12
        for (int t = 0; t < kTokens; ++t) acc2[t] = fma(minimum, splat(sums[8 * t + b]), acc2[t]);
      }
      at = group.end;
      side += 64 * kTokens;
    }
#pragma GCC unroll 12
    for (int t = 0; t < kTokens; ++t) acc[t] = add(acc[t], acc2[t]);
  }
#pragma GCC unroll 12
  for (int t = 0; t < kTokens; ++t) store(y + (size_t)(first + t) * y_stride, acc[t]);
}

HALFBYTE_PANEL_KERNEL(panel_q4_0, ProductPer32<Q4_0>)
HALFBYTE_PANEL_KERNEL(panel_q4_1, ProductPer32<Q4_1>)
HALFBYTE_PANEL_KERNEL(panel_q5_0, ProductPer32<Q5_0>)
HALFBYTE_PANEL_KERNEL(panel_q5_1, ProductPer32<Q5_1>)
HALFBYTE_PANEL_KERNEL(panel_q8_0, ProductPer32<Q8_0>)
