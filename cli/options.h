// Options that several commands share. Those of a reply are made of one list, backends/reply_options.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "backends/reply_options.h"
#include "cli/command_line.h"
#include "halfbyte/engine.h"

namespace halfbyte {

// kInvalid names an option that is given and needs_json().
Result<void> check_fits_terminal(const Request& request);

// All of reply_options(), --stop, and what has no place in the lists.
void declare_reply_options(Arguments& args, ChosenReply& chosen);
uint64_t random_seed();

void declare_threads(Arguments& args, std::string_view flags, int& threads);
void declare_step_options(Arguments& args, int& chunk_tokens, KvTypes& kv_types, ActivationMode& activations);
// Context and cache: what an engine may take of the machine's memory.
void declare_memory(Arguments& args, EngineOptions& engine, std::string_view context_meaning);
void declare_speculation(Arguments& args, EngineOptions& engine, std::string& draft_model);
void declare_pooling(Arguments& args, Pooling& pooling);
std::string memory_text(const EngineMemory& memory);  // a line
void declare_json(Arguments& args, bool& json);

}  // namespace halfbyte
