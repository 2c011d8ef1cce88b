// Formats with integer scales of sub-blocks inside 256 columns: Q2_K .. Q6_K, IQ4_XS.
//
//   i    = sum over sub-blocks of sc * dot, j = sum over sub-blocks of m * (sum of q_a), both exact integers
//   acc  = fma(float(i), d * d_a, acc), acc2 = fma(float(j), dmin * d_a, acc2)   over ascending groups
//   y    = acc - acc2
// Q3_K, Q6_K and IQ4_XS have no minima; where their weights are q - offset with unsigned q, i is the sum with q minus
// offset * sum of sc * (sum of q_a).

// What the sub-blocks of one group say about the 16 rows, widened once for all tokens.
template <int kSubBlocks>
struct SubScales {
  F scale, minimum;        // d, dmin
  I factor[kSubBlocks];    // the sub-blocks' scales as ScaledDot wants them
  I pair[kSubBlocks / 2];  // int16 pairs of neighbouring sub-blocks' minima (without minima: of their scales), for dot_pair
};

HALFBYTE_INLINE I byte_of(I word, int i) { return bit_and(shift_right(word, 8 * i), splat_int(255)); }
HALFBYTE_INLINE I byte_pair_of(I word, int i) {  // bytes 2i and 2i + 1, zero extended to 16 bits
  const I both = i == 0 ? word : shift_right(word, 16);
  return bit_or(bit_and(both, splat_int(255)), bit_and(shift_left(both, 8), splat_int(0x00ff0000)));
}
HALFBYTE_INLINE I pair_of(I low, I high) { return bit_or(bit_and(low, splat_int(0xffff)), shift_left(high, 16)); }
// The finite half in the low 16 bits of each lane: the exponent's bias grows by 112, which also makes subnormal halves normal.
HALFBYTE_INLINE F float_of_half(I word) {
  const I sign = shift_left(bit_and(word, splat_int(0x8000)), 16);
  const I magnitude = shift_left(bit_and(word, splat_int(0x7fff)), 13);
  return from_bits(bit_or(sign, bits(mul(from_bits(magnitude), splat(0x1p112F)))));
}

// d, dmin | 12 bytes of eight 6-bit scales and eight 6-bit minima, packed as in the file format.
HALFBYTE_INLINE void decode_runs(const std::byte* group, SubScales<8>& out) {
  out.scale = load_half(group);
  out.minimum = load_half(group + 32);
  const I w0 = load_int(group + 64), w1 = load_int(group + 128), w2 = load_int(group + 192);
  const I six = splat_int(0x3f3f3f3f), four = splat_int(0x0f0f0f0f), top = splat_int(0x30303030);
  const I scales[2] = {bit_and(w0, six), bit_or(bit_and(w2, four), bit_and(shift_right(w0, 2), top))};
  const I minima[2] = {bit_and(w1, six), bit_or(bit_and(shift_right(w2, 4), four), bit_and(shift_right(w1, 2), top))};
#pragma GCC unroll 8
  for (int b = 0; b < 8; ++b) out.factor[b] = as_dot_scale(byte_of(scales[b / 4], b % 4));
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) out.pair[i] = byte_pair_of(minima[i / 2], i % 2);
}

// No minima: scales are signed, given by sub-block.
template <int kSubBlocks, class Scale>
HALFBYTE_INLINE void set_scales(F d, SubScales<kSubBlocks>& out, Scale scale) {
  out.scale = d;
  out.minimum = splat(0.0F);
#pragma GCC unroll 8
  for (int i = 0; i < kSubBlocks / 2; ++i) {
    const I low = scale(2 * i), high = scale(2 * i + 1);
    out.factor[2 * i] = as_dot_scale(low);
    out.factor[2 * i + 1] = as_dot_scale(high);
    out.pair[i] = pair_of(low, high);
  }
}

// One group of a panel: its scales, and weights(b, part, j) = columns 4j..4j+3 of the 32-column block b + part.
// Blocks come kParts at a time, so that `part` is known when compiling.
struct Q2_K {
  static constexpr int kBits = 2, kSubBlocks = 16, kParts = 4, kOffset = 0;
  static constexpr bool kMinimum = true;
  static constexpr size_t kBytes = 1344;
  static constexpr int kFetchedBytes = 1344 / 8;  // of 32 columns
  SubScales<kSubBlocks> scales;
  const std::byte* quants;

  // d, dmin | 16 bytes of scale and minimum, a nibble each | 64 bytes of quants.
  HALFBYTE_INLINE explicit Q2_K(const std::byte* group) : quants(group + 320) {
    const I both = load_int(group);
    scales.scale = float_of_half(both);
    scales.minimum = float_of_half(shift_right(both, 16));
#pragma GCC unroll 4
    for (int w = 0; w < 4; ++w) {
      const I word = load_int(group + 64 + 64 * w);
      const I low = bit_and(word, splat_int(0x0f0f0f0f)), high = bit_and(shift_right(word, 4), splat_int(0x0f0f0f0f));
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) scales.factor[4 * w + i] = as_dot_scale(byte_of(low, i));
      scales.pair[2 * w] = byte_pair_of(high, 0);
      scales.pair[2 * w + 1] = byte_pair_of(high, 1);
    }
  }
  HALFBYTE_INLINE I weights(int b, int part, int j) const {
    const I word = load_int(quants + 128 * b + 64 * j);
    return bit_and(part == 0 ? word : shift_right(word, 2 * part), splat_int(0x03030303));
  }
};

struct Q3_K {
  static constexpr int kBits = 3, kSubBlocks = 16, kParts = 8, kOffset = 4;
  static constexpr bool kMinimum = false;
  static constexpr size_t kBytes = 1792;
  static constexpr int kFetchedBytes = 1792 / 8;
  SubScales<kSubBlocks> scales;
  const std::byte* quants;

  // d in float32 | 12 bytes of sixteen 6-bit scales | 32 bytes of third bits and 32 of quants, in turn | 32 bytes of quants.
  HALFBYTE_INLINE explicit Q3_K(const std::byte* group) : quants(group + 256) {
    const std::byte* packed = group + 64;
    set_scales<16>(load((const float*)group), scales, [&](int run) __attribute__((always_inline)) {
      const int four = run / 4;
      const I bits03 = bit_and(shift_right(load_int(packed + 64 * (four % 2)), 4 * (four / 2)), splat_int(0x0f0f0f0f));
      const I bits45 = bit_and(shift_right(load_int(packed + 128), 2 * four), splat_int(0x03030303));
      return sub_int(byte_of(bit_or(bits03, shift_left(bits45, 4)), run % 4), splat_int(32));
    });
  }
  HALFBYTE_INLINE I weights(int, int part, int j) const {
    const I two = shift_right(load_int(quants + (part < 4 ? 128 * j + 64 : 1024 + 64 * j)), 2 * (part % 4));
    const I bit = load_int(quants + 128 * j);
    return bit_or(bit_and(two, splat_int(0x03030303)),
                  bit_and(part < 2 ? shift_left(bit, 2 - part) : shift_right(bit, part - 2), splat_int(0x04040404)));
  }
};

struct Q4_K {
  static constexpr int kBits = 4, kSubBlocks = 8, kParts = 2, kOffset = 0;
  static constexpr bool kMinimum = true;
  static constexpr size_t kBytes = 2304;
  static constexpr int kFetchedBytes = 2304 / 8;
  SubScales<kSubBlocks> scales;
  const std::byte* quants;

  HALFBYTE_INLINE explicit Q4_K(const std::byte* group) : quants(group + 256) { decode_runs(group, scales); }
  HALFBYTE_INLINE I weights(int b, int part, int j) const {
    const I nibbles = load_int(quants + 256 * b + 64 * j);
    return bit_and(part == 0 ? nibbles : shift_right(nibbles, 4), splat_int(0x0f0f0f0f));
  }
};

struct Q5_K {
  static constexpr int kBits = 5, kSubBlocks = 8, kParts = 8, kOffset = 0;
  static constexpr bool kMinimum = true;
  static constexpr size_t kBytes = 2816;
  static constexpr int kFetchedBytes = 2816 / 8;
  SubScales<kSubBlocks> scales;
  const std::byte* quants;  // 32 bytes of fifth bits and 32 of nibbles, in turn | 96 bytes of nibbles

  HALFBYTE_INLINE explicit Q5_K(const std::byte* group) : quants(group + 256) { decode_runs(group, scales); }
  HALFBYTE_INLINE I weights(int, int part, int j) const {
    const I nibbles = load_int(quants + (part < 2 ? 128 * j + 64 : 512 + 512 * (part / 2) + 64 * j));
    const I w = bit_and(part % 2 == 0 ? nibbles : shift_right(nibbles, 4), splat_int(0x0f0f0f0f));
    const I bit = load_int(quants + 128 * j);
    return bit_or(w, bit_and(part < 4 ? shift_left(bit, 4 - part) : shift_right(bit, part - 4), splat_int(0x10101010)));
  }
};

struct Q6_K {
  static constexpr int kBits = 6, kSubBlocks = 16, kParts = 4, kOffset = 32;
  static constexpr bool kMinimum = false;
  static constexpr size_t kBytes = 3392;
  static constexpr int kFetchedBytes = 3392 / 8;
  SubScales<kSubBlocks> scales;
  const std::byte* quants;

  // d in float32 | 16 int8 scales | of each 128 columns: 32 bytes of upper bits and 32 of nibbles, in turn, 32 bytes of nibbles.
  HALFBYTE_INLINE explicit Q6_K(const std::byte* group) : quants(group + 320) {
    set_scales<16>(load((const float*)group), scales, [&](int run) __attribute__((always_inline)) {
      return shift_right_signed(shift_left(load_int(group + 64 + 64 * (run / 4)), 24 - 8 * (run % 4)), 24);
    });
  }
  HALFBYTE_INLINE I weights(int b, int part, int j) const {
    const std::byte* half = quants + 384 * b;  // b is 0 or 4
    const I nibbles = load_int(half + (part % 2 == 0 ? 128 * j + 64 : 1024 + 64 * j));
    const I w = bit_and(part < 2 ? nibbles : shift_right(nibbles, 4), splat_int(0x0f0f0f0f));
    const I word = load_int(half + 128 * j);
    const I two = part == 0 ? shift_left(word, 4) : part == 1 ? shift_left(word, 2) : part == 2 ? word : shift_right(word, 2);
    return bit_or(w, bit_and(two, splat_int(0x30303030)));
  }
};

struct IQ4_XS {
  static constexpr int kBits = 8, kSubBlocks = 8, kParts = 1, kOffset = Dot<8>::kOffset;
  static constexpr bool kMinimum = false;
  static constexpr size_t kBytes = 2176;
  static constexpr int kFetchedBytes = 2176 / 8;
  SubScales<kSubBlocks> scales;
  const std::byte* quants;
  I levels;

  // d, 16 bits: two upper bits of each scale | 4 bytes: four lower bits of each | 128 bytes of nibbles.
  HALFBYTE_INLINE explicit IQ4_XS(const std::byte* group) : quants(group + 128), levels(as_dot_weights<8>(byte_table(kIq4Levels))) {
    const I first = load_int(group), second = load_int(group + 64);
    set_scales<8>(float_of_half(first), scales, [&](int run) __attribute__((always_inline)) {
      const I low = bit_and(shift_right(second, 4 * run), splat_int(15));
      const I high = bit_and(shift_right(first, 16 + 2 * run), splat_int(3));
      return sub_int(bit_or(low, shift_left(high, 4)), splat_int(32));
    });
  }
  HALFBYTE_INLINE I weights(int b, int, int j) const { return look_up(levels, nibbles_of(quants, b, j)); }
};

// The same group unpacked into scratch: the scales, then 64 vectors of bytes.
template <class Format>
struct Unpacked256 {
  static constexpr int kBits = Format::kBits, kSubBlocks = Format::kSubBlocks, kParts = 1, kOffset = Format::kOffset;
  static constexpr bool kMinimum = Format::kMinimum;
  static constexpr size_t kQuants = sizeof(SubScales<kSubBlocks>), kBytes = kQuants + 4096;
  static constexpr int kFetchedBytes = 0;
  static_assert(kBytes <= kGroup * 24, "fits panel_scratch_bytes");
  const SubScales<kSubBlocks>& scales;
  const std::byte* quants;

  HALFBYTE_INLINE explicit Unpacked256(const std::byte* group) : scales(*(const SubScales<kSubBlocks>*)group), quants(group + kQuants) {}
  HALFBYTE_INLINE I weights(int b, int, int j) const { return load_int(quants + 512 * b + 64 * j); }
};

template <class Format>
struct ProductPer256 {
  typedef Format Direct;
  typedef Unpacked256<Format> Unpacked;
  static constexpr int kUnpackFrom = kUnpackFrom256;

  static void unpack(const std::byte* panel, int columns, std::byte* out);
  static size_t sides_bytes(int, int) { return 0; }
  static void gather(const Activations&, int, int, int, std::byte*) {}

  static size_t unpacked_bytes(int columns) { return (size_t)columns / kGroup * Unpacked::kBytes; }

  // 16 rows of each of kPanels panels times kTokens tokens.
  template <class Source, int kPanels, int kTokens>
  static void rows(const std::byte* panel, size_t panel_bytes, const std::byte* sides, const Activations& x, int first, int columns,
                   float* y, size_t y_stride);
};

template <class Format>
void ProductPer256<Format>::unpack(const std::byte* panel, int columns, std::byte* out) {
  for (int k = 0; k < columns; k += kGroup, panel += Format::kBytes) {
    const Format group(panel);
    *(SubScales<Format::kSubBlocks>*)out = group.scales;
    out += Unpacked256<Format>::kQuants;
    for (int b = 0; b < 8; b += Format::kParts)
#pragma GCC unroll 8
      for (int part = 0; part < Format::kParts; ++part)
#pragma GCC unroll 8
        for (int j = 0; j < 8; ++j, out += 64) store_int(out, group.weights(b, part, j));
  }
}

template <class Format>
template <class Source, int kPanels, int kTokens>
__attribute__((noinline)) void ProductPer256<Format>::rows(const std::byte* panel, size_t panel_bytes, const std::byte*,
                                                           const Activations& x, int first, int columns, float* y, size_t y_stride) {
  constexpr bool kBySixteen = Source::kSubBlocks == 16;
  constexpr int kSubGroups = 64 / Source::kSubBlocks;  // k-groups of 4 columns in a sub-block
  F acc[kPanels][kTokens], acc2[kPanels][kTokens];
#pragma GCC unroll 4
  for (int p = 0; p < kPanels; ++p)
#pragma GCC unroll 12
    for (int t = 0; t < kTokens; ++t) acc[p][t] = acc2[p][t] = splat(0.0F);
  const size_t stride = x.q_stride;
  const int8_t* q = x.q + (size_t)first * stride;
  const float* scales = x.scale + (size_t)first * x.scale_stride;
  const size_t sum_stride = kBySixteen ? x.sum16_stride : x.sum32_stride;
  const int16_t* sums = (kBySixteen ? x.sum16 : x.sum32) + (size_t)first * sum_stride;
  for (int k = 0; k < columns; k += kGroup, panel += Source::kBytes, scales += 1, sums += Source::kSubBlocks) {
    const Groups<Source, kPanels> group(panel, panel_bytes);
    I total[kPanels][kTokens];
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p)
#pragma GCC unroll 12
      for (int t = 0; t < kTokens; ++t) total[p][t] = splat_int(0);
    for (int b = 0; b < 8; b += Source::kParts) {
#pragma GCC unroll 8
      for (int part = 0; part < Source::kParts; ++part, q += 32) {
        if constexpr (Source::kFetchedBytes > 0) keep_order();
        prefetch_ahead<kTokens == 1 ? kNear : kFar, Source::kFetchedBytes>(panel, b + part);
#pragma GCC unroll 2
        for (int sub = 0; sub < 8 / kSubGroups; ++sub) {
          ScaledDot<Source::kBits, kSubGroups> dot[kPanels][kTokens];
#pragma GCC unroll 8
          for (int j = 0; j < kSubGroups; ++j) {
            if constexpr (Source::kFetchedBytes > 0 && kTokens == 1) keep_order();
            I w[kPanels];
#pragma GCC unroll 4
            for (int p = 0; p < kPanels; ++p) w[p] = group[p].weights(b, part, sub * kSubGroups + j);
#pragma GCC unroll 12
            for (int t = 0; t < kTokens; ++t) {
              const Quad a = quad(q + t * stride + 4 * (sub * kSubGroups + j));
#pragma GCC unroll 4
              for (int p = 0; p < kPanels; ++p)
                dot[p][t].add(j, w[p], a, total[p][t], group[p].scales.factor[(b + part) * (8 / kSubGroups) + sub]);
            }
          }
        }
      }
    }
#pragma GCC unroll 12
    for (int t = 0; t < kTokens; ++t) {
      const F scale_a = splat(scales[t * x.scale_stride]);
#pragma GCC unroll 4
      for (int p = 0; p < kPanels; ++p) {
        if constexpr (Source::kMinimum || Source::kOffset != 0) {
          I with_sums = splat_int(0);
#pragma GCC unroll 8
          for (int i = 0; i < Source::kSubBlocks / 2; ++i)
            with_sums = dot_pair(with_sums, group[p].scales.pair[i], sums + t * sum_stride + 2 * i);
          if constexpr (Source::kMinimum)
            acc2[p][t] = fma(to_float(with_sums), mul(group[p].scales.minimum, scale_a), acc2[p][t]);
          else
            total[p][t] = sub_int(total[p][t], shift_left(with_sums, __builtin_ctz(Source::kOffset)));
        }
        acc[p][t] = fma(to_float(total[p][t]), mul(group[p].scales.scale, scale_a), acc[p][t]);
      }
    }
  }
#pragma GCC unroll 12
  for (int t = 0; t < kTokens; ++t)
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p)
      store(y + (size_t)(first + t) * y_stride + 16 * p, Source::kMinimum ? sub(acc[p][t], acc2[p][t]) : acc[p][t]);
}

HALFBYTE_PANEL_KERNEL(panel_q2_k, ProductPer256<Q2_K>)
HALFBYTE_PANEL_KERNEL(panel_q3_k, ProductPer256<Q3_K>)
HALFBYTE_PANEL_KERNEL(panel_q4_k, ProductPer256<Q4_K>)
HALFBYTE_PANEL_KERNEL(panel_q5_k, ProductPer256<Q5_K>)
HALFBYTE_PANEL_KERNEL(panel_q6_k, ProductPer256<Q6_K>)
HALFBYTE_PANEL_KERNEL(panel_iq4_xs, ProductPer256<IQ4_XS>)
#undef HALFBYTE_PANEL_KERNEL
