// Reading tensors that a checkpoint stores otherwise than GGUF does (Turn, in checkpoint.h).
#pragma once

#include "base/byte_source.h"
#include "formats/checkpoint.h"

namespace halfbyte {

// Fills `out` with rows (of a vector: values) of the turned tensor, beginning at its byte `begin`; both are whole rows inside it.
Result<void> read_turned(const ByteSource& source, const TensorLocation& tensor, uint64_t begin, std::span<std::byte> out);

}  // namespace halfbyte
