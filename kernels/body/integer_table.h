// The same of a set that differs from its parent in the products of integers alone: its table has nothing else, and nothing else of
// the bodies is compiled.

extern const KernelTable kTable;

namespace {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include "kernels/body/all.h"
#pragma GCC diagnostic pop
}  // namespace

const KernelTable kTable = {
#define INTEGER_PANEL(name, format) .name = name,
#define INTEGER_KERNEL(name, formula, ...) .name = name,
#include "kernels/families.def"
};
