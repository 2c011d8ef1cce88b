// One reply, from the engine to the terminal.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "cli/interrupt.h"
#include "halfbyte/engine.h"

namespace halfbyte {

// Runs `request`; `put` gets the text as it comes. Ctrl-C stops the reply: what came until then is returned with kCancelled.
Result<Engine::Reply> stream_reply(Engine& engine, Request request, const InterruptWatch& interrupt,
                                   const std::function<void(std::string_view)>& put);

// Lines for --verbose: tokens, milliseconds and tokens per second of prompt and generation.
std::string usage_text(const Usage& usage);

}  // namespace halfbyte
