#include "cli/reply_printer.h"

#include <utility>

#include "cli/output.h"

namespace halfbyte {

ReplyPrinter::ReplyPrinter(bool shows_thoughts, bool dims, Print print, Print foreign)
    : shows_thoughts_(shows_thoughts), dims_(dims), print_(std::move(print)), foreign_(std::move(foreign)) {}

ReplyPrinter::ReplyPrinter(bool shows_thoughts) : ReplyPrinter(shows_thoughts, stdout_is_terminal(), print, print_foreign) {}

void ReplyPrinter::put(Part part, std::string_view text) {
  if (text.empty()) return;
  if (part == Part::kAnswer) {
    close();
  } else {
    if (!shows_thoughts_) return;
    if (!std::exchange(is_thinking_, true)) print_(dims_ ? "\x1b[2mThinking...\n" : "Thinking...\n");
  }
  foreign_(text);
}

void ReplyPrinter::close() {
  if (std::exchange(is_thinking_, false)) print_(dims_ ? "\n...done thinking.\x1b[0m\n\n" : "\n...done thinking.\n\n");
}

}  // namespace halfbyte
