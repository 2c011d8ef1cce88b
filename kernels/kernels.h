// The table of hot loops for one instruction set. Fetch it once per operation, never inside a loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "base/cpu.h"
#include "kernels/attention.h"
#include "quant/activation.h"

namespace halfbyte {

// `panels` consecutive panels (16 rows x columns each, panel_bytes apart) times `tokens` activation rows:
// y[t * y_stride + 16 * p + r] for panel p, row r, overwritten. `scratch` is this thread's own, 64-byte aligned,
// panel_scratch_bytes(columns) bytes: room to unpack panels once when there are many tokens.
using PanelKernel = void(const std::byte* panel, size_t panel_bytes, int panels, const Activations& x, int columns, int tokens,
                         float* y, size_t y_stride, std::byte* scratch);

// Two panels at one byte a weight, with a float32 scale and a float32 minimum per 16 columns.
constexpr size_t panel_scratch_bytes(size_t columns) { return 2 * (columns * 16 + (columns / 16 + 16) * 16 * 4 * 2) + 4096; }

struct KernelTable {
#define PANEL(name, format) PanelKernel* name;
#define KERNEL(name, formula, ...) std::add_pointer_t<__VA_ARGS__> name;
#include "kernels/families.def"
};

const KernelTable& kernels(Isa isa);  // isa must run here
// The panel kernel of a number format by its name ("Q4_K"); null where the format has none.
PanelKernel* panel_kernel(const KernelTable& table, std::string_view format);

}  // namespace halfbyte
