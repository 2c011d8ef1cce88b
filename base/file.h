// Read-only access to one regular file by absolute position. The only place that opens model files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "halfbyte/result.h"

namespace halfbyte {

// An open regular file whose size was fixed at open. Move-only; reads are thread-safe.
class File {
 public:
  // kNotFound, kIo, or kInvalid when the path is not a regular file (a pipe or a device is refused without reading it).
  static Result<File> open(const std::filesystem::path& path);
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File();

  const std::string& path() const { return path_; }
  uint64_t size() const { return size_; }  // bytes, at open
  // Fills `out` from byte `offset`. kCorrupt: the file has become shorter since it was opened.
  Result<void> read_at(uint64_t offset, std::span<std::byte> out) const;

 private:
  File(int fd, uint64_t size, std::string path) : fd_(fd), size_(size), path_(std::move(path)) {}
  int fd_ = -1;
  uint64_t size_ = 0;
  std::string path_;
};

// The whole of a file of at most `limit` bytes.
Result<std::string> read_text(const std::filesystem::path& path, uint64_t limit);

}  // namespace halfbyte
