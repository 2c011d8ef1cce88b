// The body of a request as OpenAI's API has it, for either route: the first byte says which. What is refused names a place, in UTF-8.
#include <cstdlib>
#include <string>

#include "base/json_writer.h"
#include "server/openai_answer.h"
#include "server/openai_request.h"

namespace {

using namespace halfbyte;

void require(bool holds) {
  if (!holds) std::abort();
}

void require_fit(const CompletionOptions& options) {
  require(options.max_new_tokens >= 1);
  require(options.choices >= 1 && options.choices <= 8);
  for (const std::string& text : options.stop) require(!text.empty());
}

void require_readable(const Error& error) {
  const int status = openai::status_of(error);
  require(status >= 400 && status < 500);
  require(parse_json(openai::error_body(error), "error").operator bool());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    const auto chat = openai::read_chat(body);
    if (!chat) {
      require_readable(chat.error());
      return 0;
    }
    require(!chat->messages.empty());
    require_fit(chat->options);
  } else {
    const auto completion = openai::read_completion(body);
    if (!completion) {
      require_readable(completion.error());
      return 0;
    }
    require(!completion->prompts.empty());
    require_fit(completion->options);
  }
  return 0;
}
