// pack and unpack_row for every format, made from its list of panel parts or, of BF16, by pairs of columns.
#pragma once

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/checked.h"
#include "base/float16.h"
#include "quant/panel.h"
#include "quant/panel_parts.h"

namespace halfbyte {

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class T>
void store(std::byte* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

// Bit 4v + b to bit v + 8b, for v < 8 and b < 4; and back.
inline uint32_t gather_columns(uint32_t bits) {
  uint32_t out = 0;
  for (int b = 0; b < 4; ++b) {
    uint32_t x = bits >> b & 0x11111111u;  // one bit in each nibble, drawn together to a byte in three steps
    x = (x | x >> 3) & 0x03030303u;
    x = (x | x >> 6) & 0x000f000fu;
    x = (x | x >> 12) & 0x000000ffu;
    out |= x << (8 * b);
  }
  return out;
}
inline uint32_t scatter_columns(uint32_t bits) {
  uint32_t out = 0;
  for (int b = 0; b < 4; ++b) {
    uint32_t x = bits >> (8 * b) & 0xffu;
    x = (x | x << 12) & 0x000f000fu;
    x = (x | x << 6) & 0x03030303u;
    x = (x | x << 3) & 0x11111111u;
    out |= x << b;
  }
  return out;
}

// Bytes of one block's entry of a part, for all 16 lanes.
constexpr size_t entry_bytes(const PanelPart& part) {
  return part.count * kPanelRows * (part.kind == PanelPart::kBytes ? 1 : part.kind == PanelPart::kHalfs ? 2 : 4);
}

constexpr size_t part_bytes(const PanelPart& part, size_t blocks) { return round_up(blocks * entry_bytes(part), 64); }

template <class Block>
struct Interleave {
  static constexpr size_t kGroupBlocks = kPanelGroup<Block> / Block::kLength;
  static constexpr auto kParts = kPanelParts<Block>;

  static constexpr size_t group_bytes(size_t blocks) {
    size_t bytes = 0;
    for (const PanelPart& part : kParts) bytes += part_bytes(part, blocks);
    return bytes;
  }

  static size_t panel_bytes(size_t columns) {
    const size_t blocks = columns / Block::kLength;
    return blocks / kGroupBlocks * group_bytes(kGroupBlocks) + group_bytes(blocks % kGroupBlocks);
  }

  static void pack(const std::byte* source, int rows, size_t columns, std::byte* panel) {
    // An entry has at least 16 bytes: four of them leave no padding.
    std::memset(panel, 0, rows < kPanelRows || columns / Block::kLength % 4 != 0 ? panel_bytes(columns) : 0);
    if (rows == kPanelRows)
      pack_rows(source, std::integral_constant<size_t, kPanelRows>{}, columns, panel);  // unrolled over the rows
    else
      pack_rows(source, static_cast<size_t>(rows), columns, panel);
  }

  static void unpack_row(const std::byte* panel, int lane, size_t columns, std::byte* out) {
    each_group(columns, [&](size_t first, size_t blocks) {
      each_part([&]<size_t I>(std::integral_constant<size_t, I>) {
        for (size_t b = 0; b < blocks; ++b)
          unpack_entry<kParts[I]>(panel + b * entry_bytes(kParts[I]), static_cast<size_t>(lane), out + (first + b) * sizeof(Block));
        panel += part_bytes(kParts[I], blocks);
      });
    });
  }

 private:
  template <class Visit>
  static void each_group(size_t columns, Visit&& visit) {
    const size_t blocks = columns / Block::kLength;
    for (size_t first = 0; first < blocks; first += kGroupBlocks) visit(first, std::min(kGroupBlocks, blocks - first));
  }

  template <class Visit>
  static void each_part(Visit&& visit) {
    [&]<size_t... I>(std::index_sequence<I...>) {
      (visit(std::integral_constant<size_t, I>{}), ...);
    }(std::make_index_sequence<kParts.size()>{});
  }

  template <class Rows>
  static void pack_rows(const std::byte* source, Rows rows, size_t columns, std::byte* panel) {
    const size_t row_bytes = columns / Block::kLength * sizeof(Block);
    each_group(columns, [&](size_t first, size_t blocks) {
      each_part([&]<size_t I>(std::integral_constant<size_t, I>) {
        for (size_t b = 0; b < blocks; ++b)
          pack_entry<kParts[I]>(source + (first + b) * sizeof(Block), row_bytes, rows, panel + b * entry_bytes(kParts[I]));
        panel += part_bytes(kParts[I], blocks);
      });
    });
  }

  // Stores run forward through the panel; loads come from `rows` streams.
  template <PanelPart part, class Rows>
  static void pack_entry(const std::byte* block, size_t row_bytes, Rows rows, std::byte* out) {
    for (size_t i = 0; i < part.count; ++i) {
      for (size_t r = 0; r < rows; ++r) {
        const std::byte* field = block + r * row_bytes + part.offset;
        const size_t at = i * kPanelRows + r;
        if constexpr (part.kind == PanelPart::kHalfs)
          store(out + 2 * at, load<uint16_t>(field + 2 * i));
        else if constexpr (part.kind == PanelPart::kHalfsAsFloats)
          store(out + 4 * at, half_to_float(load<uint16_t>(field + 2 * i)));
        else if constexpr (part.kind == PanelPart::kBytes)
          out[at] = field[i];
        else if constexpr (part.kind == PanelPart::kBits)
          store(out + 4 * at, gather_columns(load<uint32_t>(field)));
        else
          store(out + 4 * at, load<uint32_t>(field + 4 * i));
      }
    }
  }

  template <PanelPart part>
  static void unpack_entry(const std::byte* in, size_t lane, std::byte* block) {
    std::byte* field = block + part.offset;
    for (size_t i = 0; i < part.count; ++i) {
      const size_t at = i * kPanelRows + lane;
      if constexpr (part.kind == PanelPart::kHalfs)
        store(field + 2 * i, load<uint16_t>(in + 2 * at));
      else if constexpr (part.kind == PanelPart::kHalfsAsFloats)
        store(field + 2 * i, float_to_half(load<float>(in + 4 * at)));
      else if constexpr (part.kind == PanelPart::kBytes)
        field[i] = in[at];
      else if constexpr (part.kind == PanelPart::kBits)
        store(field, scatter_columns(load<uint32_t>(in + 4 * at)));
      else
        store(field + 4 * i, load<uint32_t>(in + 4 * at));
    }
  }
};

// Blocks of one 16-bit value, two columns a lane.
struct InterleavePairs {
  static size_t panel_bytes(size_t columns) { return ceil_div(columns, 2) * kPanelRows * sizeof(uint32_t); }

  static void pack(const std::byte* source, int rows, size_t columns, std::byte* panel) {
    std::memset(panel, 0, rows < kPanelRows || columns % 2 != 0 ? panel_bytes(columns) : 0);
    if (rows == kPanelRows)
      pack_rows(source, std::integral_constant<size_t, kPanelRows>{}, columns, panel);  // unrolled over the rows
    else
      pack_rows(source, static_cast<size_t>(rows), columns, panel);
  }

  static void unpack_row(const std::byte* panel, int lane, size_t columns, std::byte* out) {
    for (size_t c = 0; c < columns; ++c) store(out + 2 * c, load<uint16_t>(panel + place(c, static_cast<size_t>(lane))));
  }

 private:
  static size_t place(size_t column, size_t lane) { return (column / 2 * kPanelRows + lane) * sizeof(uint32_t) + column % 2 * 2; }

  template <class Rows>
  static void pack_rows(const std::byte* source, Rows rows, size_t columns, std::byte* panel) {
    for (size_t c = 0; c + 2 <= columns; c += 2)
      for (size_t r = 0; r < rows; ++r) store(panel + place(c, r), load<uint32_t>(source + 2 * (r * columns + c)));
    if (columns % 2 == 0) return;
    for (size_t r = 0; r < rows; ++r) store(panel + place(columns - 1, r), load<uint16_t>(source + 2 * (r * columns + columns - 1)));
  }
};

}  // namespace halfbyte
