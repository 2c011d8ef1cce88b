// The hot loops of halfbyte. Fetch the table once per operation, never inside a loop.
#pragma once

#include <string_view>

#include "kernels/isa.h"
#include "kernels/table.h"

namespace halfbyte {

const KernelTable& kernels(Isa isa);  // isa must run here
// The panel kernel of a number format by its name ("Q4_K"); null where the format has none.
PanelKernel* panel_kernel(const KernelTable& table, std::string_view format);

}  // namespace halfbyte
