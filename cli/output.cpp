#include "cli/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/utf8.h"

namespace halfbyte {
namespace {

// False with errno when the text could not be written.
bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

void say(std::string_view message, bool red) {
  const char* no_color = std::getenv("NO_COLOR");
  const bool colored = red && stderr_is_terminal() && (no_color == nullptr || *no_color == '\0');
  print_aside(fmt::format("{}halfbyte:{} {}\n", colored ? "\x1b[1;31m" : "", colored ? "\x1b[0m" : "", message));
}

}  // namespace

bool stdin_is_terminal() { return ::isatty(STDIN_FILENO) == 1; }
bool stdout_is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }
bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

void print(std::string_view text) {
  if (write_all(STDOUT_FILENO, text)) return;
  if (errno == EPIPE) std::_Exit(0);
  complain(fmt::format("cannot write the output: {}", std::strerror(errno)));
  std::_Exit(1);
}

void complain(std::string_view message) { say(message, true); }
void notify(std::string_view message) { say(message, false); }

// Nowhere is left to report that stderr itself cannot be written.
void print_aside(std::string_view lines) { (void)write_all(STDERR_FILENO, lines); }
void print_status(std::string_view text) { print_aside(fmt::format("\r\x1b[K{}", printable(text))); }

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Utf8Character c = read_utf8(text, at);
    const std::string_view bytes = text.substr(at, c.bytes);
    const bool control =
        (c.code_point < 0x20 && c.code_point != '\n' && c.code_point != '\t') || (c.code_point >= 0x7f && c.code_point < 0xa0);
    if (control || c.form != Utf8Character::Form::kWhole)
      for (const char byte : bytes) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
    else
      out += bytes;
    at += c.bytes;
  }
  return out;
}

void print_foreign(std::string_view text) {
  if (stdout_is_terminal())
    print(printable(text));
  else
    print(text);
}

}  // namespace halfbyte
