// A reply as `run --json` prints it.
#pragma once

#include <memory>
#include <string>

#include "cli/interrupt.h"
#include "engine/reply_stream.h"

namespace halfbyte {

// Runs `request` to its end and tells it: every choice with why it ended, log-probabilities where asked for, usage, seed. Ctrl-C ends it
// with what has come.
struct ToldReply {
  std::string json;
  std::string text;  // of the first choice
  bool is_cancelled = false;
};
Result<ToldReply> tell_reply(const std::shared_ptr<Engine>& engine, const Request& request, const InterruptWatch& interrupt);

}  // namespace halfbyte
