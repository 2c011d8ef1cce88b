// Strips of quantized panels: scales and minima folded in, so that nothing is left to do for a token but its products.
// Include inside an unnamed namespace, after pairs.h and the panels' own formats (panel_per32.h, panel_per256.h).

// Columns 4j .. 4j + 3: four unsigned bytes of each row.
HALFBYTE_INLINE void store_weights(std::byte* out, I bytes, F scale, F minimum) {
  const auto column = [&](int i) __attribute__((always_inline)) { return fma(to_float(byte_of(bytes, i)), scale, minimum); };
  store_int(out, rounded_pairs(column(0), column(1)));
  store_int(out + 64, rounded_pairs(column(2), column(3)));
}

template <class Stored>
struct StripPer32 {
  static const std::byte* unpack(const std::byte* panel, int columns, std::byte* out) {
    for (int left = columns / kBlock; left > 0; left -= kGroupBlocks) {
      const int blocks = left < kGroupBlocks ? left : kGroupBlocks;
      const Stored group(panel, blocks);
      for (int b = 0; b < blocks; ++b) {
        const F scale = group.scale(b);
        const F minimum = Stored::kMinimum ? group.minimum(b) : mul(scale, splat(-Stored::kOffset));
        for (int j = 0; j < 8; ++j, out += 128) store_weights(out, group.weights(b, j), scale, minimum);
      }
      panel = group.end;
    }
    return panel;
  }
};

template <class Stored>
struct StripPer256 {
  static const std::byte* unpack(const std::byte* panel, int columns, std::byte* out) {
    constexpr int kSubGroups = 64 / Stored::kSubBlocks;  // k-groups of 4 columns in a sub-block
    for (int k = 0; k < columns; k += kGroup, panel += Stored::kBytes) {
      const Stored group(panel);
      F scale[Stored::kSubBlocks], minimum[Stored::kSubBlocks];
      for (int s = 0; s < Stored::kSubBlocks; ++s) {
        const I pair = group.scales.pair[s / 2];
        const I of_minimum = s % 2 == 0 ? bit_and(pair, splat_int(0xffff)) : shift_right(pair, 16);
        scale[s] = mul(to_float(group.scales.factor[s]), group.scales.scale);
        minimum[s] =
            Stored::kMinimum ? sub(splat(0.0F), mul(to_float(of_minimum), group.scales.minimum)) : mul(scale[s], splat(-Stored::kOffset));
      }
      for (int b = 0; b < 8; b += Stored::kParts)
#pragma GCC unroll 8
        for (int part = 0; part < Stored::kParts; ++part)
#pragma GCC unroll 8
          for (int j = 0; j < 8; ++j, out += 128) {
            const int s = (8 * (b + part) + j) / kSubGroups;
            store_weights(out, group.weights(b, part, j), scale[s], minimum[s]);
          }
    }
    return panel;
  }
};
