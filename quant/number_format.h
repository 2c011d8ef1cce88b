// The number formats of weights: one table row per format, one file per family of formats.
// A format that has only decode() loads and runs everywhere, slowly and correctly; a panel layout with a kernel makes it fast.
// Source: the GGUF specification's tensor types (ids) and block layouts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace halfbyte {

// How the activations that meet a weight of this format are rounded. The rule belongs to the format, not to a kernel:
// every kernel of a format sees the same integers.
enum class ActivationKind : uint8_t {
  kFloat,  // not at all: float32
  kBf16,   // rounded to bf16
  kPer32,  // int8, one float32 scale per 32 values
  kPer256  // int8, one float32 scale per 256 values
};

struct PanelFormat;  // quant/panel.h

struct NumberFormat {
  std::string_view name;  // as GGUF tools print it: "Q4_K"
  uint32_t gguf_type;     // ggml type id in a tensor record
  uint32_t block_length;  // weights per block
  uint32_t block_bytes;
  ActivationKind activations;  // kFloat also with every format where activations are not to be rounded
  // `blocks` whole blocks at `source` to float32. Reads any bytes without fault.
  void (*decode)(const std::byte* source, size_t blocks, float* out);
  // The index of the first block whose scales are not finite, or `blocks`.
  size_t (*first_not_finite)(const std::byte* source, size_t blocks);
  const PanelFormat* panel;  // null: rows stay as they are and run through decode()

  uint64_t row_bytes(uint64_t columns) const { return columns / block_length * block_bytes; }
  double bits_per_weight() const { return 8.0 * block_bytes / block_length; }
};

std::span<const NumberFormat> number_formats();
const NumberFormat* find_number_format(uint32_t gguf_type);  // null: unknown here
const NumberFormat* find_number_format(std::string_view name);
// For error texts: is this an id that GGUF once had and removed?
bool is_removed_type(uint32_t gguf_type);

}  // namespace halfbyte
