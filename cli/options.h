// Options that several commands share, and the one list of reply options: it makes the flags, --help, and a chat's /set and /show.
// They are those of include/halfbyte/sampling.h and reply_fields.h, and the longest reply.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cli/command_line.h"
#include "halfbyte/engine.h"
#include "halfbyte/reply_fields.h"

namespace halfbyte {

// One number or switch that shapes a reply: of the two lists, one or the other.
struct ReplyOption {
  std::string name;  // "--name" on the command line, "/set name" in a chat
  std::string_view meaning;
  std::variant<const SamplingField*, const ReplyField<Request>*> field;

  std::string_view ollama() const {
    return std::visit([](const auto* row) { return row->ollama; }, field);
  }
  // Of what a terminal has no place for: `run --json` tells it.
  bool needs_json() const { return name == "choices" || name == "logprobs" || name == "prompt-logprobs"; }
};

std::span<const ReplyOption> reply_options();
std::string value_text(const ReplyOption& option, const Request& request);  // as it stands in `request`, or its default
// kInvalid: no such option, or not a value for it; says what was expected. "_" in a name counts as "-".
Result<void> set_reply_option(Request& request, std::string name, std::string_view value);

// kInvalid names an option that is given and needs_json().
Result<void> check_fits_terminal(const Request& request);

// What a user chose of them, beside what a model may bring with it. Sampling options say themselves whether they were given.
struct ChosenReply {
  Request request;
  bool has_max_tokens = false, has_stop = false;
};
// All of them, --stop, and what has no place in the lists.
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
