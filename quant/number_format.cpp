#include "quant/number_format.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

#include "quant/floats.h"
#include "quant/interleave.h"
#include "quant/iq4.h"
#include "quant/mxfp4.h"
#include "quant/panel.h"
#include "quant/q2_k.h"
#include "quant/q3_k.h"
#include "quant/q4_0.h"
#include "quant/q4_1.h"
#include "quant/q4_k.h"
#include "quant/q5_0.h"
#include "quant/q5_1.h"
#include "quant/q5_k.h"
#include "quant/q6_k.h"
#include "quant/q8_0.h"

namespace halfbyte {
namespace {

static_assert(std::endian::native == std::endian::little, "blocks are read as they lie in the file");

// A file's blocks lie at any address: each is copied out before use.
template <class Block>
void decode_blocks(const std::byte* source, size_t blocks, float* out) {
  for (size_t i = 0; i < blocks; ++i) load<Block>(source + i * sizeof(Block)).decode(out + i * Block::kLength);
}

template <class Block>
size_t first_not_finite_block(const std::byte* source, size_t blocks) {
  for (size_t i = 0; i < blocks; ++i)
    if (!load<Block>(source + i * sizeof(Block)).is_finite()) return i;
  return blocks;
}

template <class Block>
const PanelFormat* panel_format() {
  if constexpr (kPanelParts<Block>.empty() && !kHasPairedColumns<Block>) {
    return nullptr;
  } else {
    using Layout = std::conditional_t<kHasPairedColumns<Block>, InterleavePairs, Interleave<Block>>;
    static constexpr PanelFormat kFormat{Layout::panel_bytes, Layout::pack, Layout::unpack_row};
    return &kFormat;
  }
}

template <class Block>
NumberFormat row(std::string_view name, uint32_t gguf_type, ActivationKind activations) {
  return {name,
          gguf_type,
          Block::kLength,
          sizeof(Block),
          activations,
          decode_blocks<Block>,
          first_not_finite_block<Block>,
          panel_format<Block>()};
}

}  // namespace

std::span<const NumberFormat> number_formats() {
  static const NumberFormat kFormats[] = {
#define FORMAT(block, gguf_type, activations) row<block>(#block, gguf_type, ActivationKind::activations),
#include "quant/formats.def"
  };
  return kFormats;
}

const NumberFormat* find_number_format(uint32_t gguf_type) {
  for (const NumberFormat& format : number_formats())
    if (format.gguf_type == gguf_type) return &format;
  return nullptr;
}

const NumberFormat* find_number_format(std::string_view name) {
  for (const NumberFormat& format : number_formats())
    if (format.name == name) return &format;
  return nullptr;
}

bool is_removed_type(uint32_t gguf_type) {
  // Q4_2, Q4_3; Q4_0_4_4, Q4_0_4_8, Q4_0_8_8; IQ4_NL_4_4, IQ4_NL_4_8, IQ4_NL_8_8.
  static constexpr uint32_t kRemoved[] = {4, 5, 31, 32, 33, 36, 37, 38};
  return std::ranges::find(kRemoved, gguf_type) != std::end(kRemoved);
}

}  // namespace halfbyte
