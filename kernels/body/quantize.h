// Activations to int8 (quant/activation.h).

// One block of kValues: the greatest magnitude is found as an integer, so NaN and infinity win and end up in the scale.
// Where 127 / amax is no finite number (amax is 0, infinite, NaN or below 2^-121) all q are 0.
template <int kValues>
HALFBYTE_INLINE float quantize_block(const float* x, int8_t* q, int16_t* sum32, int16_t* sum16) {
  I top = splat_int(0);
  for (int i = 0; i < kValues; i += 16) top = max_int(top, bit_and(bits(load(x + i)), splat_int(0x7fffffff)));
  const int32_t top_bits = max_lane(top);
  float amax;
  memcpy(&amax, &top_bits, sizeof amax);
  float inverse = amax > 0 ? 127.0F / amax : 0.0F;
  if (!(inverse < __builtin_inff())) inverse = 0.0F;

  const F factor = splat(inverse);
  const F magic = splat(0x1.8p23F);  // adding it rounds to the nearest even integer and leaves that in the low bits
  for (int i = 0; i < kValues; i += 32) {
    const I a = sub_int(bits(add(mul(load(x + i), factor), magic)), bits(magic));
    const I b = sub_int(bits(add(mul(load(x + i + 16), factor), magic)), bits(magic));
    store_bytes(q + i, a);
    store_bytes(q + i + 16, b);
    const int32_t sum_a = sum_lanes(a), sum_b = sum_lanes(b);
    sum16[i / 16] = (int16_t)sum_a;
    sum16[i / 16 + 1] = (int16_t)sum_b;
    sum32[i / 32] = (int16_t)((uint32_t)sum_a + (uint32_t)sum_b);
  }
  return amax / 127.0F;
}

template <int kValues>
HALFBYTE_INLINE void quantize(const float* x, int columns, int8_t* q, float* scales, int16_t* sum32, int16_t* sum16) {
  for (int i = 0; i < columns; i += kValues)
    scales[i / kValues] = quantize_block<kValues>(x + i, q + i, sum32 + i / 32, sum16 + i / 16);
}

void quantize_per32(const float* x, int columns, int8_t* q, float* scales, int16_t* sum32, int16_t* sum16) {
  quantize<32>(x, columns, q, scales, sum32, sum16);
}
void quantize_per256(const float* x, int columns, int8_t* q, float* scales, int16_t* sum32, int16_t* sum16) {
  quantize<256>(x, columns, q, scales, sum32, sum16);
}
