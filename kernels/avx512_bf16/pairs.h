// Weights rounded to bf16 (to nearest even; subnormals become 0): the strips that float panels are unpacked to for --fast-prompt.
// Include inside an unnamed namespace of a set with AVX512-BF16, after lanes.h and float_columns.h.
//
// A strip is a panel's part of some columns: 64 bytes for two of them, lane r = the bf16 of columns 2i and 2i + 1 of row r; zeros
// fill it to a multiple of 32 columns. Activations lie as quant/activation.h has them.

HALFBYTE_INLINE I rounded(F first, F second) { return (I)_mm512_cvtne2ps_pbh(second, first); }  // 16 bf16, then 16 more
HALFBYTE_INLINE I rounded_pairs(F even, F odd) {
  const I even_and_odd = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3,
                                          18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(even_and_odd, rounded(even, odd));
}

template <class Column>
struct FloatStrip {
  // Returns where the panel goes on.
  static const std::byte* unpack(const std::byte* panel, int columns, std::byte* out) {
    int k = 0;
    for (; k + 2 <= columns; k += 2, panel += 2 * Column::kBytes, out += 64)
      store_int(out, rounded_pairs(Column::weights(panel), Column::weights(panel + Column::kBytes)));
    if (k < columns) {
      store_int(out, rounded_pairs(Column::weights(panel), splat(0.0F)));
      k += 2, panel += Column::kBytes, out += 64;
    }
    for (; k % 32 != 0; k += 2, out += 64) store_int(out, splat_int(0));
    return panel;
  }
};

// A BF16 panel is a strip already, but for its end.
struct PairStrip {
  static const std::byte* unpack(const std::byte* panel, int columns, std::byte* out) {
    const size_t bytes = 64 * (size_t)((columns + 1) / 2);
    memcpy(out, panel, bytes);
    memset(out + bytes, 0, 32 * (size_t)((columns + 31) / 32 * 32) - bytes);
    return panel + bytes;
  }
};
