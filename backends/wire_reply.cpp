#include "backends/wire_reply.h"

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

void add_logprobs(Json::Object& fields, std::optional<int> logprobs) {
  if (!logprobs) return;
  add(fields, "logprobs", {true});
  add(fields, "top_logprobs", {int64_t{*logprobs}});
}

}  // namespace halfbyte
