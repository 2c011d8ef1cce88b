#include "backends/wire_reply.h"

#include <utility>

#include "backends/json_members.h"
#include "base/errors.h"
#include "sampling/reply_fields.h"

namespace halfbyte {
namespace {

Json json_of(bool value) { return {value}; }
Json json_of(int value) { return {int64_t{value}}; }
Json json_of(double value) { return {value}; }
Json json_of(const std::optional<int>& value) { return json_of(*value); }

}  // namespace

Result<void> add_reply_fields(Json::Object& fields, const CompletionOptions& options,
                              std::string_view ReplyField<CompletionOptions>::* name, std::string_view service) {
  for (const ReplyField<CompletionOptions>& field : kReplyFields<CompletionOptions>) {
    if (field.name == "logprobs" || !is_given(field, options)) continue;
    if ((field.*name).empty()) return unsupported("{}: {} has no such option", field.name, service);
    std::visit([&](const auto member) { add(fields, std::string(field.*name), json_of(options.*member)); }, field.member);
  }
  return {};
}

Result<void> refuse_our_own(const CompletionOptions& options, std::string_view service) {
  const std::pair<std::string_view, bool> ours[] = {{"overflow", options.overflow != Overflow::kError},
                                                    {"forced_prefix", !options.forced_prefix.empty()},
                                                    {"adapters", !options.adapters.empty()},
                                                    {"beam_search", options.beam_search.has_value()},
                                                    {"repetition_detection", options.repetition_detection.has_value()}};
  for (const auto& [name, is_given] : ours)
    if (is_given) return unsupported("{}: {} has no such option", name, service);
  return {};
}

void add_stop_tokens(Json::Object& fields, const std::vector<Token>& tokens) {
  if (tokens.empty()) return;
  Json::Array ids;
  for (const Token token : tokens) ids.push_back(json_of(token));
  add(fields, "stop_token_ids", {std::move(ids)});
}

void add_logprobs(Json::Object& fields, std::optional<int> logprobs) {
  if (!logprobs) return;
  add(fields, "logprobs", {true});
  add(fields, "top_logprobs", {int64_t{*logprobs}});
}

}  // namespace halfbyte
