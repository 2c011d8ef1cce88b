// A reply as `run --json` prints it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cli/interrupt.h"
#include "engine/reply_stream.h"
#include "text/reply_parser.h"

namespace halfbyte {

// Runs `request` to its end and tells it: every choice with why it ended, log-probabilities where asked for, usage, seed. Ctrl-C ends it
// with what has come. `reader` tells what was thought from each choice's text; without one all is text.
struct ToldReply {
  std::string json;
  std::string text;  // the first choice's answer
  bool is_cancelled = false;
};
Result<ToldReply> tell_reply(const std::shared_ptr<Engine>& engine, const Request& request, const std::optional<ReplyParser>& reader,
                             const InterruptWatch& interrupt);

}  // namespace halfbyte
