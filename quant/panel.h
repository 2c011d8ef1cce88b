// Panels: 16 rows of a weight matrix, interleaved so that each 32-bit lane of a vector belongs to one row.
//
// A panel is a sequence of panel blocks along k (ascending). One panel block covers 16 rows x up to 256 columns ("a group"):
//
//     | scales of the 16 rows ... | quants: vectors of 64 bytes, lane r = 4 bytes of row r |
//
// Every format's panel block holds exactly the bits of the file's blocks in another order: pack() and unpack_row() are
// inverses. A lane's 4 quant bytes are 4 consecutive bytes of the row's own block, so packing is a 16x16 transpose of 32-bit
// words, and what a vector's low and high nibbles mean follows from the file format. Each format draws its layout in its own file: its
// parts in the order in which a kernel first touches them, so that memory is read as one ascending stream.
//
// One layout for every instruction set: 16 lanes are one register of AVX-512, two of AVX2, an array in scalar code.
#pragma once

#include <cstddef>
#include <cstdint>

namespace halfbyte {

constexpr int kPanelRows = 16;
constexpr int kGroup = 256;  // columns of a full panel block

struct PanelFormat {
  // Bytes of one panel (16 rows x `columns`), a multiple of 64. `columns` is a multiple of the format's block length.
  size_t (*panel_bytes)(size_t columns);
  // `rows` (1..16) rows of raw file blocks at `source` (row r at source + r * row_bytes) into one panel. Absent rows become zero weights.
  void (*pack)(const std::byte* source, int rows, size_t columns, std::byte* panel);
  // Row `lane` of the panel back to raw file blocks (row_bytes of them).
  void (*unpack_row)(const std::byte* panel, int lane, size_t columns, std::byte* out);
};

}  // namespace halfbyte
