// AMX: products of 16 tokens and more in tile registers, all else as avx512_bf16 has it.
#include "kernels/table.h"

#include "kernels/avx512_vnni/vec.h"
#include "quant/levels.h"
#include "quant/panel.h"

namespace halfbyte::avx512_vnni {
namespace {
#include "kernels/body/loops.h"
}  // namespace
}  // namespace halfbyte::avx512_vnni

namespace halfbyte::avx512_bf16 {
extern PanelKernel panel_bf16;
}

namespace halfbyte::amx {
using avx512_bf16::panel_bf16;
namespace {
// clang-format off: the product is written in terms of the tiles
#include "kernels/amx/tiles.h"
#include "kernels/amx/product.h"
// clang-format on
}  // namespace

extern const KernelTable kTable;
const KernelTable kTable = {
#define PANEL(name, format) .name = name,
#define KERNEL(name, formula, ...) .name = avx512_vnni::name,
#include "kernels/families.def"
};
}  // namespace halfbyte::amx
