#include "base/errors.h"

#include <array>
#include <cstdio>
#include <cstdlib>

namespace halfbyte {

void stop_without_value(const Error& error) {
  std::fprintf(stderr, "halfbyte: a bug: the value of a failed Result was used: %s\n", error.message.c_str());
  std::abort();
}

void stop_without_error() {
  std::fputs("halfbyte: a bug: the error of a Result was used that has none\n", stderr);
  std::abort();
}

const CodeRow& row(Code code) {
  static constexpr std::array<CodeRow, 9> kRows{{
      {Code::kInvalid, "invalid", 2},
      {Code::kCorrupt, "corrupt", 1},
      {Code::kUnsupported, "unsupported", 1},
      {Code::kNotFound, "not_found", 1},
      {Code::kIo, "io", 1},
      {Code::kBusy, "busy", 1},
      {Code::kTooLong, "too_long", 1},
      {Code::kNumeric, "numeric_error", 1},
      {Code::kInternal, "internal", 1},
  }};
  for (const CodeRow& r : kRows)
    if (r.code == code) return r;
  return kRows.back();
}

std::string escaped(std::string_view text, size_t limit) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '\\')
      out += c;
    else
      out += fmt::format("\\x{:02x}", byte);
    if (out.size() > limit) {
      out.resize(limit);
      return out + "...";
    }
  }
  return out;
}

}  // namespace halfbyte
