#include "cli/input.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/errors.h"

namespace halfbyte {

Result<std::string> read_stdin() {
  std::string text;
  char piece[1 << 16];
  for (;;) {
    const ssize_t got = ::read(STDIN_FILENO, piece, sizeof piece);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_error("cannot read stdin: {}", std::strerror(errno));
    if (got == 0) return text;
    text.append(piece, static_cast<size_t>(got));
    if (text.size() > kMostInputBytes) return too_long("stdin: more than {} MiB", kMostInputBytes >> 20);
  }
}

Result<std::string> as_prompt(std::string text) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
    return invalid("stdin: text in UTF-16, which begins with {}; convert it to UTF-8", text[0] == '\xff' ? "FF FE" : "FE FF");
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  size_t kept = 0;
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n') text[kept++] = text[i];
  text.resize(kept);
  return text;
}

bool stdin_may_hold_text() {
  struct stat status{};
  return ::fstat(STDIN_FILENO, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISREG(status.st_mode));
}

}  // namespace halfbyte
