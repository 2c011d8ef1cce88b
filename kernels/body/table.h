// All bodies and the table of the set whose namespace this is included in.

extern const KernelTable kTable;

namespace {
#include "kernels/body/all.h"
}  // namespace

const KernelTable kTable = {
#define PANEL(name, format) .name = name,
#define KERNEL(name, formula, ...) .name = name,
#include "kernels/families.def"
};
