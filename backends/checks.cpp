#include "backends/checks.h"

#include "base/errors.h"
#include "sampling/fields.h"
#include "sampling/reply_fields.h"

namespace halfbyte {

Result<void> check_options(const CompletionOptions& options) {
  if (options.max_new_tokens < 1) return invalid("max_new_tokens: expected 1 or more, found {}", options.max_new_tokens);
  HB_TRY(check(options.sampling));
  HB_TRY(check_reply_fields(options));
  for (size_t i = 0; i < options.stop.size(); ++i)
    if (options.stop[i].empty()) return invalid("stop: expected texts, found an empty string at {}", i);
  return {};
}

Result<void> check_request(const std::string& prompt, const CompletionOptions& options) {
  if (prompt.empty()) return invalid("prompt: expected text, found an empty string");
  return check_options(options);
}

Result<void> check_messages(std::span<const Message> messages, const CompletionOptions& options) {
  if (messages.empty()) return invalid("messages: expected at least one, found none");
  for (size_t i = 0; i < messages.size(); ++i)
    if (messages[i].role.empty()) return invalid("messages[{}]: expected a role, found none", i);
  return check_options(options);
}

}  // namespace halfbyte
