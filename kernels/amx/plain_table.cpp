// The panel kernels of the AMX set over the plain model of its tile registers. Part of the tests only.
#include "kernels/avx512_vnni/vec.h"
#include "kernels/table.h"
#include "quant/levels.h"
#include "quant/panel.h"

namespace halfbyte::avx512_vnni {
namespace {
// clang-format off: each builds on those before it
#include "kernels/body/lanes.h"
#include "kernels/body/product.h"
#include "kernels/body/float_columns.h"
#include "kernels/body/panel_floats.h"
#include "kernels/body/panel_pairs.h"
#include "kernels/body/panel_per32.h"
#include "kernels/body/panel_per256.h"
// clang-format on
}  // namespace
}  // namespace halfbyte::avx512_vnni

namespace halfbyte::amx {
using avx512_vnni::panel_bf16;
namespace {
// clang-format off: the product is written in terms of the tiles
#include "kernels/amx/plain_tiles.h"
#include "kernels/amx/product.h"
// clang-format on
}  // namespace

extern const KernelTable kPlainTable;
const KernelTable kPlainTable = {
#define PANEL(name, format) .name = name,
#include "kernels/families.def"
};
}  // namespace halfbyte::amx
