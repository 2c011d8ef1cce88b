// Rounded activations: one token's input row of a matrix product, as int8 with scales and exact integer sums, or as bf16.
// The rule (definition; every kernel gives these very values):
//   block of n = 32 (kPer32) or 256 (kPer256) values, amax = max |x|, d = amax / 127, id = 127 / amax (float32),
//   q = round to nearest even(x * id)  in -127..127, and sums of q over each 32 and each 16 columns.
// Rounding to bf16 is to nearest even; subnormal numbers become 0, NaN stays NaN.
// Where 127 / amax is not finite (amax 0, NaN, or below about 2^-121) all q are 0; a NaN or infinity still reaches the scale, and so y.
// kPer256 is only used with rows that are multiples of 256.
#pragma once

#include <cstddef>
#include <cstdint>

namespace halfbyte {

// A view of T quantized rows of `columns` values each; the arrays of token t begin at base + t * stride.
struct Activations {
  const int8_t* q = nullptr;       // [T][q_stride]; q_stride is a multiple of 64
  const float* scale = nullptr;    // [T][scale_stride]: one per 32 or per 256 columns
  const int16_t* sum32 = nullptr;  // [T][sum32_stride]: sum of q over each 32 columns
  const int16_t* sum16 = nullptr;  // [T][sum16_stride]: over each 16 columns
  const float* f = nullptr;        // [T][f_stride]: the float32 values, for float kernels
  const uint16_t* bf16 = nullptr;  // [columns / 256][T][256]: the values rounded to bf16; zeros fill the last 16 columns
  size_t q_stride = 0, scale_stride = 0, sum32_stride = 0, sum16_stride = 0, f_stride = 0;  // elements
  size_t bf16_stride = 0;                                                                   // elements from 256 columns to the next
};

}  // namespace halfbyte
