// Exact dot products from instructions that pair byte products in 16 bits (byte_pairs, add_16, dot_16 of the set).
// Include inside the namespace of a set.

// How many byte_pairs results may be added in 16 bits: a pair is at most 2 * (2^kBits - 1) * 127.
template <int kBits>
constexpr int kPairsIn16Bits = kBits <= 4   ? 8
                               : kBits >= 7 ? 1
                                            : 1 << (8 - kBits - 1);

template <int kBits, int kGroups>
struct ScaledDot {
  I sum;
  HALFBYTE_INLINE void add(int j, I w, Quad x, I& total, I scale) {
    constexpr int kRoom = kPairsIn16Bits<kBits> < kGroups ? kPairsIn16Bits<kBits> : kGroups;
    static_assert(kGroups % kRoom == 0);
    const I pairs = byte_pairs<kBits>(w, x);
    sum = j % kRoom == 0 ? pairs : add_16(sum, pairs);
    if (j % kRoom == kRoom - 1) total = add_int(total, dot_16(sum, scale));
  }
};
// The scale, in both 16-bit halves of its lane.
HALFBYTE_INLINE I as_dot_scale(I scale) { return bit_or(bit_and(scale, splat_int(0xffff)), shift_left(scale, 16)); }

template <int kBits>
struct Dot {
  static constexpr int kOffset = 0;
  I sum;
  template <class Start>
  HALFBYTE_INLINE void add(int j, I w, Quad x, I& total, Start start) {
    constexpr int kRoom = kPairsIn16Bits<kBits>;
    const I pairs = byte_pairs<kBits>(w, x);
    sum = j % kRoom == 0 ? pairs : add_16(sum, pairs);
    if (j % kRoom == kRoom - 1) total = add_int(j < kRoom ? start() : total, dot_16(sum, splat_int(0x00010001)));
  }
};
template <int>
HALFBYTE_INLINE I as_dot_weights(I w) {
  return w;
}

HALFBYTE_INLINE I dot_pair(I sum, I pair, const int16_t* x) {
  int32_t both;
  memcpy(&both, x, sizeof both);
  return add_int(sum, dot_16(pair, splat_int(both)));
}
