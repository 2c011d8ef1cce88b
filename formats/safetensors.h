// Reads the header of one safetensors file.
//
//     | header bytes u64 | header: JSON, padded with blanks | data |
//     {"__metadata__": {"format": "pt"}, "NAME": {"dtype": "F32", "shape": [320, 64], "data_offsets": [0, 81920]}, ...}
//
// Refused: whatever is not exactly that. Header longer than 100 MB or than the file, JSON that is not strict, a name twice, numbers
// that are not plain unsigned integers, an unknown dtype, sizes that wrap, data whose length is not dtype times shape, and any byte of
// data that belongs to no tensor or to two.
// Source: the format's own description (safetensors, README, "Format").
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/byte_source.h"
#include "halfbyte/result.h"

namespace halfbyte {

struct SafetensorsEntry {
  std::string name;
  std::string_view dtype;       // as the file names it; one of the known ones
  std::vector<uint64_t> shape;  // slowest first; empty: one value
  uint64_t offset = 0;          // absolute byte in the file
  uint64_t bytes = 0;
};

// Tensors in the header's order. kCorrupt names the file, the tensor or the byte, what was expected and what was found.
Result<std::vector<SafetensorsEntry>> parse_safetensors(const ByteSource& source);

}  // namespace halfbyte
