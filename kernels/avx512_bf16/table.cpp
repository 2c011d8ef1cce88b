// AVX512-BF16: two products an instruction for BF16 weights, and for the other floats of prompts under --fast-prompt. Quantized weights
// have none there: integer products are faster.
#include "kernels/table.h"

#include "kernels/avx512_vnni/vec.h"
#include "quant/panel.h"

namespace halfbyte::avx512_bf16 {
using namespace avx512_vnni;
namespace {
// clang-format off: each builds on those before it
#include "kernels/body/lanes.h"
#include "kernels/body/product.h"
#include "kernels/body/float_columns.h"
#include "kernels/avx512_bf16/pairs.h"
#include "kernels/avx512_bf16/vectors.h"
#include "kernels/avx512_bf16/product.h"
// clang-format on
HALFBYTE_STRIP_KERNEL(panel_f32, FloatStrip<FloatColumn>, VectorTiles)
HALFBYTE_STRIP_KERNEL(panel_f16, FloatStrip<HalfColumn>, VectorTiles)
}  // namespace

// The bits of kernels/body/panel_pairs.h. Panels are multiplied as they lie, by many tokens a strip at a time.
PanelKernel panel_bf16;
void panel_bf16(const std::byte* panel, size_t panel_bytes, int panels, const Activations& x, int columns, int tokens, float* y,
                size_t y_stride, std::byte*) {
  const bool is_many = tokens > VectorTiles::kTokens;
  const int at_once = is_many ? kStripPanels : kPanelsAtOnce, strip = is_many ? kStripWidth : columns;
  for (int begin = 0; begin < panels; begin += at_once) {
    const int count = panels - begin < at_once ? panels - begin : at_once;
    for (int k = 0; k < columns; k += strip)
      VectorTiles::multiply(panel + (size_t)begin * panel_bytes + 32 * (size_t)k, panel_bytes, count,
                            x.bf16 + (size_t)(k / kGroup) * x.bf16_stride, x.bf16_stride, columns - k < strip ? columns - k : strip, tokens,
                            k == 0, y + 16 * begin, y_stride);
  }
}

extern const FastPromptTable kFastPromptTable;
const FastPromptTable kFastPromptTable = {.panel_f32 = panel_f32, .panel_f16 = panel_f16};
}  // namespace halfbyte::avx512_bf16
