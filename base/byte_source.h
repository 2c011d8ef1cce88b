// Bytes at absolute positions: all that a reader needs to know of a file. Tests and fuzzers read from memory, or from files that fail.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "halfbyte/result.h"

namespace halfbyte {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual const std::string& path() const = 0;  // for messages
  virtual uint64_t size() const = 0;
  // Fills `out` from byte `offset`; the caller stays within size(). Thread-safe. kCorrupt: the bytes end earlier than size() said.
  virtual Result<void> read_at(uint64_t offset, std::span<std::byte> out) const = 0;
};

}  // namespace halfbyte
