// Read-only access to one regular file by absolute position. The only place that opens model files.
#pragma once

#include <filesystem>

#include "base/world.h"

namespace halfbyte {

// An open regular file whose size was fixed at open. Move-only; reads are thread-safe.
class File final : public ByteSource {
 public:
  // kNotFound, kIo, or kInvalid when the path is not a regular file (a pipe or a device is refused without reading it).
  static Result<File> open(const std::filesystem::path& path);
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() override;

  const std::string& path() const override { return path_; }
  uint64_t size() const override { return size_; }  // bytes, at open
  Result<void> read_at(uint64_t offset, std::span<std::byte> out) const override;

 private:
  File(int fd, uint64_t size, std::string path) : fd_(fd), size_(size), path_(std::move(path)) {}
  int fd_ = -1;
  uint64_t size_ = 0;
  std::string path_;
};

// The whole of a file of at most `limit` bytes.
Result<std::string> read_text(const std::filesystem::path& path, uint64_t limit, const World& world = this_machine());

}  // namespace halfbyte
