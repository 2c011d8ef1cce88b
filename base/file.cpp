#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "base/errors.h"

namespace halfbyte {
namespace {

std::string system_text(int error) { return std::system_category().message(error); }

}  // namespace

Result<File> File::open(const std::filesystem::path& path) {
  const std::string name = path.string();
  // O_NONBLOCK: opening a pipe must not wait for a writer.
  const int fd = ::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return not_found("{}: no such file", name);
    return io_error("{}: cannot open: {}", name, system_text(errno));
  }
  File file(fd, 0, name);
  struct stat status{};
  if (::fstat(fd, &status) != 0) return io_error("{}: cannot read its status: {}", name, system_text(errno));
  if (!S_ISREG(status.st_mode)) return invalid("{}: not a regular file", name);
  file.size_ = static_cast<uint64_t>(status.st_size);
  return file;
}

File::File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)), size_(other.size_), path_(std::move(other.path_)) {}

File& File::operator=(File&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  std::swap(path_, other.path_);
  return *this;
}

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

Result<void> File::read_at(uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t got = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_error("{}: cannot read at byte {}: {}", path_, offset, system_text(errno));
    if (got == 0) return corrupt("{}: file changed: it had {} bytes when opened and now ends at byte {}", path_, size_, offset);
    offset += static_cast<uint64_t>(got);
    out = out.subspan(static_cast<size_t>(got));
  }
  return {};
}

Result<std::string> read_text(const std::filesystem::path& path, uint64_t limit, const World& world) {
  HB_TRY_ASSIGN(file, world.open(path));
  if (file->size() > limit) return invalid("{}: {} bytes, at most {} are read", file->path(), file->size(), limit);
  std::string text(static_cast<size_t>(file->size()), '\0');
  HB_TRY(file->read_at(0, std::as_writable_bytes(std::span(text))));
  return text;
}

}  // namespace halfbyte
