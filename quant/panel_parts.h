// What a format says about its panel layout: the fields of its block, in the order a panel group stores them. That is the order in
// which a kernel first touches them: what it reads from memory is then one ascending stream, which the processor fetches ahead.
// pack and unpack_row (quant/interleave.h) walk the same list, so one is the inverse of the other.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "quant/panel.h"

namespace halfbyte {

// One part of a panel group of n blocks. All blocks' entries of one part lie together, block by block, and every part
// begins at a multiple of 64 bytes (zero padding after an odd number of 32-byte entries).
struct PanelPart {
  enum Kind : uint8_t {
    kHalfs,          // `count` 16-bit fields of a block: each uint16[16], lane = row
    kHalfsAsFloats,  // the same, widened to float32[16]
    kWords,          // `count` 32-bit words: each a vector, lane r = 4 bytes of row r
    kBytes,          // `count` bytes: each uint8[16]
    kBits,           // one 32-bit word: the bit of column 4v + b moves to position v + 8b
  };
  Kind kind;
  size_t offset;  // of the first field in the block
  size_t count;
};

// How many columns a panel group of the format has: the parts of so many blocks follow each other.
template <class Block>
inline constexpr size_t kPanelGroup = kGroup;

// Words of two fields in turn, as a kernel reads them: one of the first, one of the second.
template <size_t kCount>
constexpr std::array<PanelPart, 2 * kCount> words_in_turn(size_t first, size_t second) {
  std::array<PanelPart, 2 * kCount> parts{};
  for (size_t i = 0; i < kCount; ++i) {
    parts[2 * i] = {PanelPart::kWords, first + 4 * i, 1};
    parts[2 * i + 1] = {PanelPart::kWords, second + 4 * i, 1};
  }
  return parts;
}

template <size_t... kCounts>
constexpr std::array<PanelPart, (kCounts + ...)> joined(const std::array<PanelPart, kCounts>&... lists) {
  std::array<PanelPart, (kCounts + ...)> all{};
  size_t at = 0;
  const auto append = [&](const auto& list) {
    for (const PanelPart& part : list) all[at++] = part;
  };
  (append(lists), ...);
  return all;
}

// Specialised beside each block struct that has a panel layout; empty for the others.
template <class Block>
inline constexpr std::array<PanelPart, 0> kPanelParts{};

// Of formats whose block is one 16-bit value: two columns of a row share a lane (InterleavePairs) instead.
template <class Block>
inline constexpr bool kHasPairedColumns = false;

}  // namespace halfbyte
