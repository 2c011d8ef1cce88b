// All of --fast-prompt over tile registers, inside an unnamed namespace after the tiles and the panels' own formats.

// clang-format off: each builds on those before it
#include "kernels/avx512_bf16/pairs.h"
#include "kernels/avx512_bf16/quantized_strips.h"
#include "kernels/avx512_bf16/product.h"
#include "kernels/amx/bf16_product.h"
// clang-format on
