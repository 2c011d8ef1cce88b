// Makers of Error values with fmt's formatting, and the one table of what each code means outside.
#pragma once

#include <fmt/format.h>

#include <string_view>

#include "halfbyte/result.h"

namespace halfbyte {

#define HB_ERROR_MAKER(name, code_)                                         \
  template <class... Args>                                                  \
  [[nodiscard]] Error name(fmt::format_string<Args...> text, Args&&... a) { \
    return {code_, fmt::format(text, std::forward<Args>(a)...)};            \
  }
HB_ERROR_MAKER(invalid, Code::kInvalid)
HB_ERROR_MAKER(corrupt, Code::kCorrupt)
HB_ERROR_MAKER(unsupported, Code::kUnsupported)
HB_ERROR_MAKER(not_found, Code::kNotFound)
HB_ERROR_MAKER(io_error, Code::kIo)
HB_ERROR_MAKER(busy, Code::kBusy)
HB_ERROR_MAKER(too_long, Code::kTooLong)
HB_ERROR_MAKER(numeric, Code::kNumeric)
HB_ERROR_MAKER(internal, Code::kInternal)
#undef HB_ERROR_MAKER

// What the doors make of std::bad_alloc. The text is short enough to need no memory itself.
inline Error out_of_memory() { return {Code::kIo, "out of memory"}; }

struct CodeRow {
  Code code;
  std::string_view name;  // stable, for logs and JSON
  int exit_status;        // of the command line: 1 failed, 2 usage
};
const CodeRow& row(Code code);

// File text made fit for a message or a terminal: control and non-ASCII bytes as \xNN, at most `limit` characters.
std::string escaped(std::string_view text, size_t limit = 80);

}  // namespace halfbyte
