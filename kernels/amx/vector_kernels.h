// What unpacks integer panels (avx512_vnni), and that set's own kernels for the tokens that fill no tile.
#pragma once

#include "kernels/avx512_vnni/vec.h"
#include "kernels/table.h"
#include "quant/levels.h"
#include "quant/panel.h"

namespace halfbyte::avx512_vnni {
extern const KernelTable kTable;
namespace {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
// clang-format off: each builds on those before it
#include "kernels/body/lanes.h"
#include "kernels/body/product.h"
#include "kernels/body/panel_per32.h"
#include "kernels/body/panel_per256.h"
// clang-format on
#pragma GCC diagnostic pop
}  // namespace
}  // namespace halfbyte::avx512_vnni
