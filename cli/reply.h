// One reply, from the engine to the terminal.
#pragma once

#include <optional>
#include <string>

#include "cli/interrupt.h"
#include "cli/reply_printer.h"
#include "halfbyte/engine.h"
#include "text/reply_parser.h"

namespace halfbyte {

// Runs `request`; `printer` gets the text as it comes, told apart by `reader`: without one all of it is the answer. Ctrl-C stops the reply:
// what came until then is returned with kCancelled. The text that is returned is the answer alone.
Result<Engine::Reply> stream_reply(Engine& engine, Request request, std::optional<ReplyParser> reader, const InterruptWatch& interrupt,
                                   ReplyPrinter& printer);

// Lines for --verbose: tokens, milliseconds and tokens per second of prompt and generation.
std::string usage_text(const Usage& usage);

}  // namespace halfbyte
