// AVX512-BF16: two products an instruction for BF16 weights. Quantized weights have none there: integer products are faster.
#include "kernels/table.h"

#include "kernels/avx512_vnni/vec.h"
#include "quant/panel.h"

namespace halfbyte::avx512_bf16 {
using namespace avx512_vnni;
namespace {
// clang-format off: each builds on those before it
#include "kernels/body/lanes.h"
#include "kernels/body/product.h"
#include "kernels/avx512_bf16/panel_pairs.h"
// clang-format on
}  // namespace

// Many tokens: a strip of two panels stays in L2 while all of them read it.
static void panel_bf16(const std::byte* panel, size_t panel_bytes, int panels, const Activations& x, int columns, int tokens, float* y,
                       size_t y_stride, std::byte*) {
  const bool is_many = tokens > kPairTile;
  const int at_once = is_many ? 2 : kPanelsAtOnce, strip = is_many ? 2048 : columns;
  for (int begin = 0; begin < panels; begin += at_once) {
    const int count = panels - begin < at_once ? panels - begin : at_once;
    for (int k = 0; k < columns; k += strip)
      multiply_pairs(panel + (size_t)begin * panel_bytes + 32 * (size_t)k, panel_bytes, count,
                     x.bf16 + (size_t)(k / kGroup) * x.bf16_stride, x.bf16_stride, columns - k < strip ? columns - k : strip, tokens,
                     k == 0, y + 16 * begin, y_stride);
  }
}

extern const KernelTable kTable;
const KernelTable kTable = {.panel_bf16 = panel_bf16};
}  // namespace halfbyte::avx512_bf16
