// What a model writes, cut into pieces by the fuzzer: the first byte chooses a syntax and the size of pieces. However it is cut, the same
// comes out, and every call has arguments that are a JSON object.
#include <cstdlib>

#include "base/json.h"
#include "base/utf8.h"
#include "text/reply_parser.h"

namespace {

using namespace halfbyte;

void require(bool holds) {
  if (!holds) std::abort();
}

constexpr std::string_view kTemplates[] = {"",
                                           "<tool_call> <think></think>",
                                           "[TOOL_CALLS] [THINK]",
                                           "<|python_tag|>",
                                           "<function= <tool_call>",
                                           "<\uff5ctool\u2581calls\u2581begin\uff5c>"};

// A reply is UTF-8: what the Detokenizer gives.
std::string repaired(std::string_view bytes) {
  std::string text;
  for (size_t at = 0; at < bytes.size();) {
    const Utf8Character c = read_utf8(bytes, at);
    append_utf8(text, c.code_point);
    at += c.bytes;
  }
  return text;
}

struct Parsed {
  std::string content, thinking;
  std::vector<ToolCall> calls;
  bool operator==(const Parsed&) const = default;
};

Parsed parsed(std::string_view source, std::string_view text, size_t piece) {
  const std::vector<Tool> tools = {
      {.name = "f", .parameters = R"({"properties": {"x": {"type": "string"}, "n": {"type": ["integer", "null"]}}})"}};
  ReplyParser parser(source, tools);
  Parsed all;
  const auto take = [&](const ReplyParser::Delta& delta) {
    all.content += delta.content;
    all.thinking += delta.thinking;
  };
  for (size_t at = 0; at < text.size(); at += piece) take(parser.push(text.substr(at, piece)));
  take(parser.finish());
  all.calls = parser.tool_calls();
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string text = repaired({reinterpret_cast<const char*>(data) + 1, size - 1});
  const std::string_view source = kTemplates[data[0] % std::size(kTemplates)];
  const Parsed whole = parsed(source, text, text.size() + 1);
  require(parsed(source, text, 1 + data[0] / std::size(kTemplates)) == whole);
  for (const ToolCall& call : whole.calls) {
    const auto arguments = parse_json(call.arguments, "arguments");
    require(arguments && arguments->object() != nullptr);
  }
  return 0;
}
