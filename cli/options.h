// Options that several commands share, and the one list of reply options: it makes the flags, --help, and a chat's /set and /show.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cli/command_line.h"
#include "halfbyte/engine.h"

namespace halfbyte {

template <class T>
struct ReplyField {
  T& (*of)(Request&);
  T least, greatest;
};

// One number that shapes a reply.
struct ReplyOption {
  std::string_view name;  // "--name" on the command line, "/set name" in a chat
  std::string_view meaning;
  std::variant<ReplyField<int>, ReplyField<float>, ReplyField<uint64_t>> field;
};

std::span<const ReplyOption> reply_options();
std::string value_text(const ReplyOption& option, Request request);  // as it stands in `request`
// kInvalid: no such option, or not a value for it; says what was expected. "_" in a name counts as "-".
Result<void> set_reply_option(Request& request, std::string name, std::string_view value);

// What a user chose of them, beside what a model may bring with it.
struct ChosenReply {
  Request request;
  std::vector<std::string_view> given;  // names of the options that stood on the command line
};
// All of them, and --stop. The seed is drawn anew: without --seed every run is another one.
void declare_reply_options(Arguments& args, ChosenReply& chosen);

void declare_threads(Arguments& args, std::string_view flags, int& threads);
void declare_step_options(Arguments& args, int& chunk_tokens, KvType& kv_type, ActivationMode& activations);
void declare_json(Arguments& args, bool& json);

}  // namespace halfbyte
