// One column of a panel of float weights, F32 or F16, as 16 floats.

struct FloatColumn {
  static constexpr int kBytes = 64;  // 16 rows of one column
  HALFBYTE_INLINE static F weights(const std::byte* p) { return load((const float*)p); }
};
struct HalfColumn {
  static constexpr int kBytes = 32;
  HALFBYTE_INLINE static F weights(const std::byte* p) { return load_half(p); }
};
