#include "base/new_file.h"

#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "base/errors.h"

namespace halfbyte {
namespace {

class SystemFile final : public NewFile {
 public:
  SystemFile(int fd, std::string beside, std::string path) : fd_(fd), beside_(std::move(beside)), path_(std::move(path)) {}
  ~SystemFile() override {
    if (fd_ >= 0) ::close(fd_);
    if (!beside_.empty()) ::unlink(beside_.c_str());
  }

  Result<void> write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno != EINTR) return failed();
      if (written > 0) bytes.remove_prefix(static_cast<size_t>(written));
    }
    return {};
  }
  Result<void> sync() override {
    if (::fsync(fd_) != 0) return failed();
    return {};
  }
  Result<void> publish() override {
    if (::close(std::exchange(fd_, -1)) != 0) return failed();  // some systems tell of a full disk only here
    if (::rename(beside_.c_str(), path_.c_str()) != 0) return failed();
    beside_.clear();
    return {};
  }

 private:
  Error failed() const { return io_error("{}: cannot be written: {}", path_, std::generic_category().message(errno)); }

  int fd_;
  std::string beside_;  // empty: published
  std::string path_;
};

}  // namespace

Result<std::unique_ptr<NewFile>> NewFile::create(const std::filesystem::path& path) {
  std::string beside = path.string() + ".XXXXXX";
  const int fd = ::mkstemp(beside.data());
  if (fd < 0) return io_error("{}: cannot write beside it: {}", path.string(), std::generic_category().message(errno));
  return std::unique_ptr<NewFile>(std::make_unique<SystemFile>(fd, std::move(beside), path.string()));
}

}  // namespace halfbyte
