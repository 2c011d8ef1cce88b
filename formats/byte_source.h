// Bytes at absolute positions: what a reader of headers needs to know of a file. Tests and fuzzers read from memory.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/file.h"
#include "halfbyte/result.h"

namespace halfbyte {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual const std::string& path() const = 0;  // for messages
  virtual uint64_t size() const = 0;
  // Fills `out` from byte `offset`; the caller stays within size().
  virtual Result<void> read_at(uint64_t offset, std::span<std::byte> out) const = 0;
};

// A view of an open file, which must outlive it.
class FileBytes final : public ByteSource {
 public:
  explicit FileBytes(const File& file) : file_(file) {}
  const std::string& path() const override { return file_.path(); }
  uint64_t size() const override { return file_.size(); }
  Result<void> read_at(uint64_t offset, std::span<std::byte> out) const override { return file_.read_at(offset, out); }

 private:
  const File& file_;
};

}  // namespace halfbyte
