// Activations to int8 or bf16 (quant/activation.h).

// Blocks of kValues, 16 at a time so that the divisions are vectors. The greatest magnitude is found as an integer: NaN and
// infinity win and end up in the scale. Where 127 / amax is no finite number (amax is 0, NaN or below 2^-121) all q are 0.
template <int kValues>
HALFBYTE_INLINE void quantize(const float* x, int columns, int8_t* q, float* scales, int16_t* sum32, int16_t* sum16) {
  const int blocks = columns / kValues;
  const F magic = splat(0x1.8p23F);  // adding it rounds to the nearest even integer and leaves that in the low bits
  for (int first = 0; first < blocks; first += 16) {
    const int n = blocks - first < 16 ? blocks - first : 16;
    int32_t top[16] = {};
    for (int b = 0; b < n; ++b) {
      const float* block = x + (first + b) * kValues;
      I greatest_bits = splat_int(0);
      for (int i = 0; i < kValues; i += 16) greatest_bits = max_int(greatest_bits, bit_and(bits(load(block + i)), splat_int(0x7fffffff)));
      top[b] = max_lane(greatest_bits);
    }
    const F amax = from_bits(load_int(top));
    store_part(scales + first, div(amax, splat(127.0F)), n);
    const F exact = div(splat(127.0F), amax);
    float inverse[16];
    store(inverse, select_less(bits(exact), splat_int(0x7f800000), exact, splat(0.0F)));
    for (int i = first * kValues; i < (first + n) * kValues; i += 32) {
      const F factor = splat(inverse[i / kValues - first]);
      const I a = sub_int(bits(add(mul(load(x + i), factor), magic)), bits(magic));
      const I b = sub_int(bits(add(mul(load(x + i + 16), factor), magic)), bits(magic));
      store_bytes(q + i, a);
      store_bytes(q + i + 16, b);
      const int32_t sum_a = sum_lanes(a), sum_b = sum_lanes(b);
      sum16[i / 16] = (int16_t)sum_a;
      sum16[i / 16 + 1] = (int16_t)sum_b;
      sum32[i / 32] = (int16_t)((uint32_t)sum_a + (uint32_t)sum_b);
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
