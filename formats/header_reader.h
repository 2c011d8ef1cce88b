// Reads a file's header forward through one buffer: a system call per limits::kReadStep, not per field.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/byte_source.h"

namespace halfbyte {

class HeaderReader {
 public:
  explicit HeaderReader(const ByteSource& source) : source_(source) {}

  uint64_t position() const { return position_; }
  uint64_t left() const { return source_.size() - position_; }

  // The next `bytes` bytes: at most left() and limits::kReadStep. The view lasts until the next call.
  Result<std::span<const std::byte>> take(size_t bytes) {
    if (bytes > end_ - next_) HB_TRY(refill());
    const std::span<const std::byte> view(buffer_.data() + next_, bytes);
    next_ += bytes;
    position_ += bytes;
    return view;
  }

 private:
  Result<void> refill();

  const ByteSource& source_;
  uint64_t position_ = 0;          // of the next byte, in the file
  std::vector<std::byte> buffer_;  // [next_, end_) is read and not yet taken
  size_t next_ = 0;
  size_t end_ = 0;
};

}  // namespace halfbyte
