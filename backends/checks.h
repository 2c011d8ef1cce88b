// What is refused before any model or service is asked. kInvalid names the argument.
#pragma once

#include <span>
#include <string>

#include "halfbyte/backend.h"

namespace halfbyte {

Result<void> check_options(const CompletionOptions& options);
Result<void> check_request(const std::string& prompt, const CompletionOptions& options);
Result<void> check_messages(std::span<const Message> messages, const CompletionOptions& options);

}  // namespace halfbyte
