// A file that exists only in memory: for tests and fuzzers.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "base/byte_source.h"
#include "base/errors.h"

namespace halfbyte {

// A view; the bytes must outlive it.
class MemoryBytes final : public ByteSource {
 public:
  MemoryBytes(std::string path, std::string_view bytes) : path_(std::move(path)), bytes_(std::as_bytes(std::span(bytes))) {}
  const std::string& path() const override { return path_; }
  uint64_t size() const override { return bytes_.size(); }
  Result<void> read_at(uint64_t offset, std::span<std::byte> out) const override {
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset)
      return internal("{}: read of {} bytes at byte {}", path_, out.size(), offset);
    std::ranges::copy(bytes_.subspan(static_cast<size_t>(offset), out.size()), out.begin());
    return {};
  }

 private:
  std::string path_;
  std::span<const std::byte> bytes_;
};

}  // namespace halfbyte
