// Reads the header of one GGUF file, version 2 or 3, little-endian.
//
//     | "GGUF" | version u32 | tensors u64 | entries u64 | entries: key, type, value | tensor records | padding | data |
//
// Rules. Refused: whatever contradicts itself, passes a limit (formats/limits.h), or could mislead: a key or tensor twice, a
// bool that is neither 0 nor 1, an unknown type, sizes that wrap, data outside the file, tensors that overlap.
// Warned of: what is odd and harms nothing: bytes that belong to no tensor, a missing quantization version.
// Each length is compared with its limit and with the bytes left before memory is taken for it.
// Source: the GGUF specification (ggml, docs/gguf.md).
#pragma once

#include <string>
#include <vector>

#include "base/byte_source.h"
#include "formats/checkpoint.h"

namespace halfbyte {

struct GgufFile {
  Metadata metadata;
  std::vector<TensorLocation> tensors;  // in file order; `file` is 0
  std::vector<std::string> warnings;
};

// A message names the file, the key or tensor, the byte, what was expected and what was found.
Result<GgufFile> parse_gguf(const ByteSource& source);

}  // namespace halfbyte
