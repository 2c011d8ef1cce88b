// The one list of reply options: it makes the flags, --help, a chat's /set and /show, and reads what comes with a model in a store.
// They are those of include/halfbyte/sampling.h and reply_fields.h, and the longest reply.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>

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

Result<void> set_reply_value(Request& request, const ReplyOption& option, std::string_view value);  // kInvalid as above, without the name
std::string range_text(const ReplyOption& option);

// What a user chose of them, beside what a model may bring with it. Sampling options say themselves whether they were given.
struct ChosenReply {
  Request request;
  bool has_max_tokens = false, has_stop = false;
};
}  // namespace halfbyte
