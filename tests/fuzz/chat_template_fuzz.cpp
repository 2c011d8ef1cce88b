// A chat template and a message, both from the fuzzer: the template up to the first byte 0, then the message. The Rust crate is not
// instrumented (cargo builds it as it is), so its branches do not steer the fuzzer; seeds carry it into them.
#include <algorithm>
#include <cstdlib>

#include "text/chat_template.h"

namespace {

using namespace halfbyte;

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = std::min(input.find('\0'), input.size());
  const std::string text(input.substr(std::min(end + 1, input.size())));
  const auto compiled = ChatTemplate::compile(input.substr(0, end));
  if (!compiled) {
    require(!compiled.error().message.empty());
    return 0;
  }
  const std::vector<Message> messages = {{.role = "user", .content = text},
                                         {.role = "assistant", .tool_calls = {{.name = "f", .arguments = R"({"x": [1.5, null]})"}}}};
  const std::vector<Tool> tools = {{.name = text, .description = text}};
  const auto rendered = compiled->render(messages, {.bos_token = "<s>", .eos_token = "</s>", .tools = tools});
  require(rendered || !rendered.error().message.empty());
  return 0;
}
