#include "base/replace_file.h"

#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "base/errors.h"

namespace halfbyte {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) text.remove_prefix(static_cast<size_t>(written));
  }
  return ::fsync(fd) == 0;
}

}  // namespace

Result<void> replace_file(const std::filesystem::path& path, std::string_view text) {
  std::error_code failed;
  std::filesystem::create_directories(path.parent_path(), failed);
  if (failed) return io_error("{}: cannot make the folder: {}", path.parent_path().string(), failed.message());
  std::string beside = path.string() + ".XXXXXX";
  const int fd = ::mkstemp(beside.data());
  if (fd < 0) return io_error("{}: cannot write beside it: {}", path.string(), reason(errno));
  int error = write_all(fd, text) ? 0 : errno;
  if (::close(fd) != 0 && error == 0) error = errno;
  if (error == 0 && ::rename(beside.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return {};
  ::unlink(beside.c_str());
  return io_error("{}: cannot be written: {}", path.string(), reason(error));
}

}  // namespace halfbyte
