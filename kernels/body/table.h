// All bodies and the table of the set whose namespace this is included in.

extern const KernelTable kTable;

namespace {
// clang-format off: built on the others
#include "kernels/body/loops.h"
#include "kernels/body/panel_pairs.h"
// clang-format on
}  // namespace

const KernelTable kTable = {
#define PANEL(name, format) .name = name,
#define KERNEL(name, formula, ...) .name = name,
#include "kernels/families.def"
};
