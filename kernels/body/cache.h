// How a cache holds its numbers (kernels/attention.h has the layouts), and storing into it.

constexpr int kKeyTile = 16;  // keys of a K tile

// Values beyond +-limit saturate; NaN stays NaN by the order of operands.
HALFBYTE_INLINE F saturate(F v, float limit) { return min(splat(limit), max(splat(-limit), v)); }

// How a cache holds its numbers. kHasScales: load16 gives integers, to be multiplied by the scales beside them.
struct HalfCache {
  typedef uint16_t Element;
  static constexpr bool kHasScales = false;
  HALFBYTE_INLINE static F load16(const Element* p) { return load_half(p); }
  HALFBYTE_INLINE static void store16(Element* p, F v) { store_half(p, saturate(v, 65504.0F)); }
};
struct BfloatCache {
  typedef uint16_t Element;
  static constexpr bool kHasScales = false;
  HALFBYTE_INLINE static F load16(const Element* p) { return load_bfloat(p); }
  HALFBYTE_INLINE static void store16(Element* p, F v) {  // to nearest even
    const I x = bits(saturate(v, 0x1.fep127F)), high = shift_right(x, 16);
    const I rounded = shift_right(add_int(x, add_int(bit_and(high, splat_int(1)), splat_int(0x7fff))), 16);
    const I quiet = bit_or(high, splat_int(0x40));
    const I magnitude = bit_and(x, splat_int(0x7fffffff));
    int32_t lanes[16];
    store_int(lanes, bits(select_less(splat_int(0x7f800000), magnitude, from_bits(quiet), from_bits(rounded))));
    for (int i = 0; i < 16; ++i) p[i] = (uint16_t)lanes[i];
  }
};
struct FloatCache {
  typedef float Element;
  static constexpr bool kHasScales = false;
  HALFBYTE_INLINE static F load16(const Element* p) { return load(p); }
  HALFBYTE_INLINE static void store16(Element* p, F v) { store(p, v); }
};
struct ByteCache {  // load16 is for values: keys are multiplied as integers
  typedef int8_t Element;
  static constexpr bool kHasScales = true;
  HALFBYTE_INLINE static F load16(const Element* p) { return to_float(load_signed_bytes(p)); }
};

constexpr size_t kKeyScaleBytes = kKeyTile * sizeof(uint16_t);  // before the keys of each block of kScaleDims
constexpr size_t kKeyBlockBytes = kKeyScaleBytes + kScaleDims * kKeyTile;
constexpr int kKeyQuad = 4;  // dims of a key that lie side by side there, as a lane of Dot

template <class Cache>
HALFBYTE_INLINE size_t key_tile_bytes(int dims) {
  const size_t scales = Cache::kHasScales ? (size_t)((dims + kScaleDims - 1) / kScaleDims) * kKeyScaleBytes : 0;
  return (size_t)(dims * kKeyTile) * sizeof(typename Cache::Element) + scales;
}

template <class Cache>
HALFBYTE_INLINE void store_k(const float* k, int dims, int lane, void* tile) {
  typedef typename Cache::Element Element;
  Element* column = (Element*)tile + lane;
  for (int d = 0; d < dims; d += 16) {
    const int n = dims - d < 16 ? dims - d : 16;
    Element part[16];
    Cache::store16(part, n == 16 ? load(k + d) : load_part(k + d, n));
    for (int i = 0; i < n; ++i) column[(d + i) * kKeyTile] = part[i];
  }
}
void store_k_f16(const float* k, int dims, int lane, void* tile) { store_k<HalfCache>(k, dims, lane, tile); }
void store_k_bf16(const float* k, int dims, int lane, void* tile) { store_k<BfloatCache>(k, dims, lane, tile); }
void store_k_f32(const float* k, int dims, int lane, void* tile) { store_k<FloatCache>(k, dims, lane, tile); }

template <class Cache>
HALFBYTE_INLINE void store_v(const float* v, int dims, int row, void* page) {
  typedef typename Cache::Element Element;
  Element* out = (Element*)page + row * dims;
  int d = 0;
  for (; d + 16 <= dims; d += 16) Cache::store16(out + d, load(v + d));
  if (d < dims) {
    Element part[16];
    Cache::store16(part, load_part(v + d, dims - d));
    memcpy(out + d, part, (size_t)(dims - d) * sizeof *part);
  }
}
void store_v_f16(const float* v, int dims, int row, void* page) { store_v<HalfCache>(v, dims, row, page); }
void store_v_bf16(const float* v, int dims, int row, void* page) { store_v<BfloatCache>(v, dims, row, page); }
void store_v_f32(const float* v, int dims, int row, void* page) { store_v<FloatCache>(v, dims, row, page); }

// n <= 32 values to q, by their greatest magnitude; the half-precision scale goes to `scale`.
HALFBYTE_INLINE void quantize_cached(const float* x, int n, int8_t* q, void* scale) {
  float block[kScaleDims] = {};
  memcpy(block, x, (size_t)n * sizeof *x);
  const F low = saturate(load(block), 127 * 65504.0F), high = saturate(load(block + 16), 127 * 65504.0F);
  const I mask = splat_int(0x7fffffff);  // as integers the magnitudes have NaN on top
  const int32_t top = max_lane(max_int(bit_and(bits(low), mask), bit_and(bits(high), mask)));
  float amax;
  memcpy(&amax, &top, sizeof amax);
  const float exact = 127.0F / amax;
  const F factor = splat(exact < __builtin_inff() ? exact : 0.0F), magic = splat(0x1.8p23F);  // rounds to the nearest even integer
  store_bytes(q, sub_int(bits(add(mul(low, factor), magic)), bits(magic)));
  store_bytes(q + 16, sub_int(bits(add(mul(high, factor), magic)), bits(magic)));
  uint16_t half[16];
  store_half(half, splat(amax / 127.0F));
  memcpy(scale, half, sizeof *half);
}

void store_k_q8_0(const float* k, int dims, int lane, void* tile) {
  int8_t* block = (int8_t*)tile;
  for (int d = 0; d < dims; d += kScaleDims, block += kKeyBlockBytes) {
    const int n = dims - d < kScaleDims ? dims - d : kScaleDims;
    int8_t q[kScaleDims];
    quantize_cached(k + d, n, q, (uint16_t*)block + lane);
    int8_t* quads = block + kKeyScaleBytes + kKeyQuad * lane;
    for (int i = 0; i < n; i += kKeyQuad) memcpy(quads + i * kKeyTile, q + i, kKeyQuad);
  }
}

// The scales of 32 rows of values, for each block of kScaleDims.
HALFBYTE_INLINE const uint16_t* value_scales(const void* page, int dims, int block) {
  return (const uint16_t*)((const int8_t*)page + kPagePositions * dims) + block * kPagePositions;
}

void store_v_q8_0(const float* v, int dims, int row, void* page) {
  for (int d = 0; d < dims; d += kScaleDims) {
    const int n = dims - d < kScaleDims ? dims - d : kScaleDims;
    int8_t q[kScaleDims];
    quantize_cached(v + d, n, q, (uint16_t*)value_scales(page, dims, d / kScaleDims) + row);
    memcpy((int8_t*)page + row * dims + d, q, (size_t)n);
  }
}
