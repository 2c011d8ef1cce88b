// AVX512-BF16: float weights at twice the rate of float32. Quantized weights have none: integer products are faster.
#include "kernels/table.h"

#include "kernels/avx512_vnni/vec.h"
#include "quant/panel.h"

namespace halfbyte::avx512_bf16 {
using namespace avx512_vnni;
namespace {
// clang-format off: each builds on those before it
#include "kernels/body/lanes.h"
#include "kernels/body/float_columns.h"
#include "kernels/bf16/pairs.h"
#include "kernels/bf16/vectors.h"
#include "kernels/bf16/product.h"
// clang-format on
HALFBYTE_STRIP_KERNEL(panel_f32, FloatStrip<FloatColumn>, VectorTiles)
HALFBYTE_STRIP_KERNEL(panel_f16, FloatStrip<HalfColumn>, VectorTiles)
HALFBYTE_STRIP_KERNEL(panel_bf16, FloatStrip<BfloatColumn>, VectorTiles)
}  // namespace

extern const FastPromptTable kTable;
const FastPromptTable kTable = {
    .round_bf16 = round_bf16,
    .panel_f32 = panel_f32,
    .panel_f16 = panel_f16,
    .panel_bf16 = panel_bf16,
};
}  // namespace halfbyte::avx512_bf16
