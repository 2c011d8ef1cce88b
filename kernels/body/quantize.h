// Activations to int8 or bf16 (quant/activation.h).

// The greatest magnitudes of n <= 16 blocks, found as integers: NaN and infinity win and end up in the scale.
template <int kValues>
HALFBYTE_INLINE F greatest_magnitudes(const float* x, int n) {
  I tops[16];
#pragma GCC unroll 16
  for (int b = 0; b < 16; ++b) {
    tops[b] = splat_int(0);
    if (b < n)
      for (int i = 0; i < kValues; i += 16) tops[b] = max_int(tops[b], bit_and(bits(load(x + b * kValues + i)), splat_int(0x7fffffff)));
  }
  return from_bits(across(tops, [](I a, I b) { return max_int(a, b); }));
}

// n <= 16 times 16 values to q by the factors of their blocks. Returns their sums.
template <int kValues>
HALFBYTE_INLINE I round_by(const float* factors, const float* x, int n, int8_t* q) {
  const F magic = splat(0x1.8p23F);  // adding it rounds to the nearest even integer and leaves that in the low bits
  I rounded[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) {
    rounded[i] = splat_int(0);
    if (i >= n) continue;
    rounded[i] = sub_int(bits(add(mul(load(x + 16 * i), splat(factors[16 * i / kValues])), magic)), bits(magic));
    store_bytes(q + 16 * i, rounded[i]);
  }
  return across(rounded, [](I a, I b) { return add_int(a, b); });
}

// Blocks of kValues, 16 at a time so that the divisions are vectors. Where 127 / amax is no finite number (amax is 0, NaN or below 2^-121) all
// q are 0.
template <int kValues>
HALFBYTE_INLINE void quantize(const float* x, int columns, int8_t* q, float* scales, int16_t* sum32, int16_t* sum16) {
  const int blocks = columns / kValues;
  for (int first = 0; first < blocks; first += 16) {
    const int n = blocks - first < 16 ? blocks - first : 16;
    const float* from = x + first * kValues;
    const F amax = n == 16 ? greatest_magnitudes<kValues>(from, 16) : greatest_magnitudes<kValues>(from, n);
    store_part(scales + first, div(amax, splat(127.0F)), n);
    const F exact = div(splat(127.0F), amax);
    float factors[16];
    store(factors, select_less(bits(exact), splat_int(0x7f800000), exact, splat(0.0F)));
    for (int i = 0; i < n * kValues; i += 256) {
      const int vectors = n * kValues - i < 256 ? (n * kValues - i) / 16 : 16, at = first * kValues + i;
      const float* own = factors + i / kValues;
      const I sums = vectors == 16 ? round_by<kValues>(own, x + at, 16, q + at) : round_by<kValues>(own, x + at, vectors, q + at);
      int32_t lanes[16];
      store_int(lanes, sums);
      for (int j = 0; j < vectors; ++j) sum16[at / 16 + j] = (int16_t)lanes[j];
      for (int j = 0; j < vectors; j += 2) sum32[(at + 16 * j) / 32] = (int16_t)((uint32_t)lanes[j] + (uint32_t)lanes[j + 1]);
    }
  }
}

__attribute__((noinline)) void quantize_per32(const float* x, int columns, int8_t* q, float* scales, int16_t* sum32, int16_t* sum16) {
  quantize<32>(x, columns, q, scales, sum32, sum16);
}
void quantize_per256(const float* x, int columns, int8_t* q, float* scales, int16_t* sum32, int16_t* sum16) {
  quantize<256>(x, columns, q, scales, sum32, sum16);
}

void round_bf16(const float* x, int columns, uint16_t* out, size_t group_stride) {
  for (int k = 0; k < columns; k += 16) {
    const I v = bits(columns - k >= 16 ? load(x + k) : load_part(x + k, columns - k));
    const I magnitude = bit_and(v, splat_int(0x7fffffff)), high = shift_right(v, 16);
    const I nearest = shift_right(add_int(v, add_int(bit_and(high, splat_int(1)), splat_int(0x7fff))), 16);
    const F normal = select_less(splat_int(0x7f800000), magnitude, from_bits(bit_or(high, splat_int(0x40))), from_bits(nearest));
    int32_t lanes[16];
    store_int(lanes, bits(select_less(magnitude, splat_int(0x00800000), from_bits(bit_and(high, splat_int(0x8000))), normal)));
    uint16_t* to = out + (size_t)(k / kGroup) * group_stride + k % kGroup;
    for (int i = 0; i < 16; ++i) to[i] = (uint16_t)lanes[i];
  }
}
