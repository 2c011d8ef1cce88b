// Where tensors lie in a GGUF file's data part.
#pragma once

#include <cstdint>

#include "formats/gguf.h"

namespace halfbyte {

// Turns offsets in the data part, which begins at the first multiple of `alignment` from `header_end` on, into positions in
// the file. Data outside the file and overlaps are errors; bytes that belong to no tensor are a warning.
Result<void> place_tensors(const ByteSource& source, uint64_t header_end, uint64_t alignment, GgufFile& file);

}  // namespace halfbyte
