// The panel kernels of the AMX set over the plain model of its tile registers. Part of the tests only.
#include "kernels/amx/vector_kernels.h"

namespace halfbyte::amx {
namespace {
// clang-format off: the product is written in terms of the tiles
#include "kernels/amx/plain_tiles.h"
#include "kernels/amx/product.h"
// clang-format on
}  // namespace

extern const KernelTable kPlainTable;
const KernelTable kPlainTable = tile_kernels();
}  // namespace halfbyte::amx
