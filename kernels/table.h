// The table of hot loops of one instruction set, made from families.def. A set that compiles the bodies (body/table.h) has them all, or
// does not compile; another states what it replaces of its parent's (sets.def) and leaves the rest null.
// Only plain C headers here: the per-set sources include this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "kernels/attention.h"
#include "quant/activation.h"

namespace halfbyte {

// `panels` consecutive panels (16 rows x columns each, panel_bytes apart) times `tokens` activation rows:
// y[t * y_stride + 16 * p + r] for panel p, row r, overwritten. `scratch` is this thread's own, 64-byte aligned,
// panel_scratch_bytes(columns) bytes: room to unpack panels once when there are many tokens.
using PanelKernel = void(const std::byte* panel, size_t panel_bytes, int panels, const Activations& x, int columns, int tokens, float* y,
                         size_t y_stride, std::byte* scratch);

// Four panels at one byte a weight, with a float32 scale and a float32 minimum per 16 columns, and what a tile of tokens brings;
// or 256 columns of eight panels of float32 weights, and a tile of activations.
constexpr size_t panel_scratch_bytes(size_t columns) { return 4 * (columns + 256) * 24 + (columns + 256) * 4 + 131072; }

struct KernelTable {
#define PANEL(name, format) PanelKernel* name = nullptr;
#define KERNEL(name, formula, ...) std::add_pointer_t<__VA_ARGS__> name = nullptr;
#include "kernels/families.def"
};

}  // namespace halfbyte
