// The tile registers of AMX. Include inside a namespace of the set.
//
// Written as instructions: the compilers' intrinsics want a register's number as a literal, and GCC's do not say that a load
// reads memory.

// What LDTILECFG reads (Intel SDM, volume 1, 18.3).
struct alignas(64) TileShapes {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
};
static_assert(sizeof(TileShapes) == 64, "the layout of the processor");

HALFBYTE_INLINE void configure_tiles(const TileShapes& shapes) { __asm__ volatile("ldtilecfg %0" : : "m"(shapes)); }
HALFBYTE_INLINE void release_tiles() { __asm__ volatile("tilerelease"); }

template <int kTileNumber>
HALFBYTE_INLINE void zero_tile() {
  __asm__ volatile("tilezero %%tmm%c0" : : "i"(kTileNumber));
}
template <int kTileNumber>
HALFBYTE_INLINE void load_tile(const void* p, size_t row_stride) {
  __asm__ volatile("tileloadd (%1,%2,1), %%tmm%c0" : : "i"(kTileNumber), "r"(p), "r"(row_stride) : "memory");
}
template <int kTileNumber>
HALFBYTE_INLINE void store_tile(void* p, size_t row_stride) {
  __asm__ volatile("tilestored %%tmm%c0, (%1,%2,1)" : : "i"(kTileNumber), "r"(p), "r"(row_stride) : "memory");
}
// sum[t][r] += products of four bytes of row t of `a` with four of lane r of `b`, over all its rows; a is signed.
template <int kSum, int kA, int kB>
HALFBYTE_INLINE void dot_signed() {
  __asm__ volatile("tdpbssd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSum), "i"(kA), "i"(kB));
}
template <int kSum, int kA, int kB>
HALFBYTE_INLINE void dot_unsigned() {  // b is unsigned
  __asm__ volatile("tdpbsud %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSum), "i"(kA), "i"(kB));
}
