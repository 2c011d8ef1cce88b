// AMX: integer products of 16 tokens and more in tile registers.
#include "kernels/amx/vector_kernels.h"

namespace halfbyte::amx {
namespace {
// clang-format off: the product is written in terms of the tiles
#include "kernels/amx/tiles.h"
#include "kernels/amx/product.h"
// clang-format on
}  // namespace

extern const KernelTable kTable;
const KernelTable kTable = tile_kernels();
}  // namespace halfbyte::amx
