#include "text/reply_parser.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"

namespace halfbyte {
namespace {

const std::vector<Tool> kTools = {
    {"get_weather", "", R"({"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"},
                            "note": {"type": ["string", "null"]}, "where": {"type": "object"}}})"},
    {"stop", "", ""}};

std::string template_named(const std::string& name) {
  const auto source = read_text(std::filesystem::path(HALFBYTE_TEST_DATA) / "chat_templates" / (name + ".jinja"), size_t{1} << 20);
  EXPECT_TRUE(source) << source.error().message;
  return source ? *source : "";
}

struct Parsed {
  std::string content, thinking, calls;  // calls: name(arguments)#id, one after the other
  bool operator==(const Parsed&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Parsed& p) {
  return out << "content [" << p.content << "] thinking [" << p.thinking << "] calls [" << p.calls << "]";
}

// `reply` in pieces of `step` bytes.
Parsed parse(const std::string& source, const std::string& reply, size_t step, std::span<const Tool> tools = kTools,
             std::string_view prompt = {}) {
  ReplyParser parser(source, tools, prompt);
  Parsed out;
  const auto take = [&](const ReplyParser::Delta& delta) {
    out.content += delta.content;
    out.thinking += delta.thinking;
  };
  for (size_t at = 0; at < reply.size(); at += step) take(parser.push(std::string_view(reply).substr(at, step)));
  take(parser.finish());
  for (const ToolCall& call : parser.tool_calls()) out.calls += call.name + "(" + call.arguments + ")#" + call.call_id + " ";
  if (!out.calls.empty()) out.calls.pop_back();
  return out;
}

struct Case {
  std::string format;  // a file in tests/data/chat_templates
  std::string reply;
  Parsed parsed;
};

const Case kCases[] = {
    // Hermes, Qwen 2.5 and 3
    {"qwen2.5", "Hello", {"Hello", "", ""}},
    {"qwen2.5", " Hello <b> \n", {" Hello <b> \n", "", ""}},
    {"qwen2.5",
     "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"K\\u00f8ge\", \"days\": 2}}\n</tool_call>",
     {"", "", R"(get_weather({"city":"Køge","days":2})#call00001)"}},
    {"qwen2.5",
     "I look.\n<tool_call>\n{\"name\": \"stop\"}\n</tool_call>\n<tool_call>{\"name\":\"stop\",\"arguments\":{}}</tool_call>\nDone",
     {"I look.Done", "", "stop({})#call00001 stop({})#call00002"}},
    {"qwen2.5", R"(<tool_call>{"name": "stop", "arguments": "{\"a\": 1}", "id": "x"}</tool_call>)", {"", "", R"(stop({"a":1})#x)"}},
    {"qwen2.5",
     R"(<tool_call>{"name": "stop", "arguments": {"a": "</tool_call>"}}</tool_call>)",
     {"", "", R"(stop({"a":"</tool_call>"})#call00001)"}},
    {"qwen2.5", R"(<tool_call>{"name": "stop", "arguments": {)", {R"(<tool_call>{"name": "stop", "arguments": {)", "", ""}},
    {"qwen2.5", R"(<tool_call>{"name": "stop"})", {"", "", "stop({})#call00001"}},
    {"qwen2.5", "a <tool_call>{name: stop}</tool_call> b", {"a<tool_call>{name: stop}</tool_call> b", "", ""}},
    {"qwen2.5",
     R"(<tool_call>no</tool_call> and <tool_call>{"name": "stop"}</tool_call>)",
     {"<tool_call>no</tool_call> and", "", "stop({})#call00001"}},
    {"qwen2.5", "<tool_call>[1]</tool_call>", {"<tool_call>[1]</tool_call>", "", ""}},
    {"qwen2.5", "<tool_cal", {"<tool_cal", "", ""}},
    // thinking
    {"qwen3-thinking",
     "<think>\nLet me see.\n\n</think>\n\n<tool_call>\n{\"name\": \"stop\", \"arguments\": {}}\n</tool_call>",
     {"", "Let me see.", "stop({})#call00001"}},
    {"qwen3-thinking", "<think>\n\n</think>\n\nHi", {"Hi", "", ""}},
    {"qwen3-thinking", "<think>cut off in", {"", "cut off in", ""}},
    {"qwen3-thinking", "<think>a <b </think> c", {"c", "a <b", ""}},
    {"qwen3-thinking", "One <think> is a tag.", {"One <think> is a tag.", "", ""}},
    {"mistral-nemo", "[THINK]hm[/THINK]Hi", {"Hi", "hm", ""}},
    // Llama 3.1
    {"llama3.1-tools", R"({"name": "get_weather", "parameters": {"city": "Oslo"}})", {"", "", R"(get_weather({"city":"Oslo"})#call00001)"}},
    {"llama3.1-tools",
     R"({"name": "stop", "parameters": {}}; {"name": "stop", "parameters": {"a": 1}})",
     {"", "", R"(stop({})#call00001 stop({"a":1})#call00002)"}},
    {"llama3.1-tools", R"({"type": "function", "function": {"name": "stop", "parameters": {}}})", {"", "", "stop({})#call00001"}},
    {"llama3.1-tools", R"({"name": "Ada", "age": 36} is the answer)", {R"({"name": "Ada", "age": 36} is the answer)", "", ""}},
    {"llama3.1-tools", R"({"name": "stop")", {R"({"name": "stop")", "", ""}},
    {"llama3.1-tools", "\n[1] says so", {"\n[1] says so", "", ""}},
    // Mistral
    {"mistral-nemo",
     R"([TOOL_CALLS][{"name": "stop", "arguments": {}, "id": "abcdefghi"}, {"name": "stop", "arguments": {"a": [1.5, null]}}])",
     {"", "", R"(stop({})#abcdefghi stop({"a":[1.5,null]})#call00001)"}},
    {"mistral-nemo",
     R"(Well. [TOOL_CALLS]stop[ARGS]{"a": 1}[TOOL_CALLS]stop[CALL_ID]123456789[ARGS]{})",
     {"Well.", "", R"(stop({"a":1})#call00001 stop({})#123456789)"}},
    {"mistral-nemo", R"([{"name": "stop", "arguments": {}}])", {"", "", "stop({})#call00001"}},
    {"mistral-nemo", "[TOOL_CALLS] nothing", {"[TOOL_CALLS] nothing", "", ""}},
    // Qwen3-Coder
    {"qwen3-coder",
     "<tool_call>\n<function=get_weather>\n<parameter=city>\n12\n</parameter>\n<parameter=days>\n2\n</parameter>\n"
     "<parameter=where>\n{\"lat\": [1, -2]}\n</parameter>\n<parameter=note>\ntwo\n lines <b>\n</parameter>\n</function>\n</tool_call>",
     {"", "", R"(get_weather({"city":"12","days":2,"where":{"lat":[1,-2]},"note":"two\n lines <b>"})#call00001)"}},
    {"qwen3-coder",
     "<function=get_weather>\n<parameter=days>\nTrue\n</parameter>\n<parameter=days>\nmany\n</parameter>\n</function>",
     {"", "", R"(get_weather({"days":"many"})#call00001)"}},
    {"qwen3-coder", "<tool_call>\n<function=stop>\n</function>\n</tool_call>", {"", "", "stop({})#call00001"}},
    {"qwen3-coder", "<tool_call>\n<function=stop>\n", {"<tool_call>\n<function=stop>\n", "", ""}},
    // DeepSeek R1 and V3.1
    {"deepseek-r1",
     "<think>x</think><｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>stop\n```json\n{\"a\": 1}\n```<｜tool▁call▁end｜>\n"
     "<｜tool▁call▁begin｜>stop<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
     {"", "x", R"(stop({"a":1})#call00001 stop({})#call00002)"}},
    // no format of its own: JSON, also fenced
    {"chatml", "```json\n{\"name\": \"stop\", \"arguments\": {}}\n```", {"", "", "stop({})#call00001"}},
    {"chatml", "```python\nprint()\n```", {"```python\nprint()\n```", "", ""}},
    {"chatml", "<tool_call>{\"name\": \"stop\"}</tool_call>", {"<tool_call>{\"name\": \"stop\"}</tool_call>", "", ""}},
};

TEST(ReplyParser, TellsThinkingContentAndCallsApartHoweverTheReplyIsCut) {
  for (const Case& c : kCases) {
    const std::string source = template_named(c.format);
    for (const size_t step : {1000, 1, 2, 3, 7, 20}) EXPECT_EQ(parse(source, c.reply, step), c.parsed) << c.reply << " by " << step;
  }
}

TEST(ReplyParser, ReadsFunctionGemmasNotation) {
  const std::string source = "{% if tools %}<start_function_call>";
  EXPECT_EQ(
      parse(source,
            "<start_function_call>call:get_weather{city:<escape>Oslo, \"x\"<escape>,days:2,where:{lat:[1,-2.5]}}<end_function_call>", 3)
          .calls,
      R"(get_weather({"city":"Oslo, \"x\"","days":2,"where":{"lat":[1,-2.5]}})#call00001)");
  EXPECT_EQ(parse(source, "<start_function_call>call:stop{}<end_function_call>", 3).calls, "stop({})#call00001");
  for (const std::string bad :
       {"call:stop{a:}", "call:stop{a:[}", "stop{}", "call:stop{a:<escape>x}", "call:stop", "call:{}", "call:stop{a:word}"}) {
    const std::string reply = "<start_function_call>" + bad + "<end_function_call>";
    EXPECT_EQ(parse(source, reply, 5), (Parsed{reply, "", ""}));
  }
}

TEST(ReplyParser, ATemplateMayOpenTheThinkingInThePrompt) {
  const std::string source = template_named("qwen3-thinking");
  EXPECT_EQ(parse(source, "hm\n</think>\n\nHi", 2, {}, "<|im_start|>assistant\n<think>\n"), (Parsed{"Hi", "hm", ""}));
  EXPECT_EQ(parse(source, "hm", 2, {}, "<|im_start|>assistant\n<think>\n"), (Parsed{"", "hm", ""}));
  EXPECT_EQ(parse(source, "Hi", 2, {}, "<think>\n\n</think>\n\n"), (Parsed{"Hi", "", ""}));
}

TEST(ReplyParser, WithoutToolsNothingIsACall) {
  for (const Case& c : kCases) {
    if (c.parsed.calls.empty() || !c.parsed.thinking.empty()) continue;
    EXPECT_EQ(parse(template_named(c.format), c.reply, 4, {}), (Parsed{c.reply, "", ""}));
  }
}

TEST(ReplyParser, ContentLeavesAsSoonAsItIsCertain) {
  ReplyParser parser(template_named("qwen2.5"), kTools);
  EXPECT_EQ(parser.push("Hello ").content, "Hello");
  EXPECT_EQ(parser.push("you <to").content, " you");
  EXPECT_EQ(parser.push("ol> and").content, " <tool> and");
  EXPECT_EQ(parser.finish().content, "");
}

TEST(ReplyParser, CallsAreNumberedFromWhereTheConversationStands) {
  ReplyParser parser(template_named("chatml"), kTools);
  parser.number_calls_from(12);
  parser.push(R"({"name": "stop"})");
  parser.finish();
  ASSERT_EQ(parser.tool_calls().size(), 1U);
  EXPECT_EQ(parser.tool_calls()[0].call_id, "call00012");
}

TEST(ReplyParser, MarkersAreExpectedOnlyOfModelsThatHaveThem) {
  EXPECT_TRUE(ReplyParser::expects_markers(template_named("mistral-nemo"), kTools));
  EXPECT_FALSE(ReplyParser::expects_markers(template_named("mistral-nemo"), {}));
  EXPECT_TRUE(ReplyParser::expects_markers(template_named("qwen3-thinking"), {}));
  EXPECT_FALSE(ReplyParser::expects_markers(template_named("chatml"), kTools));
}

TEST(ReplyParser, DeepAndLongNonsenseIsContent) {
  for (const std::string& body :
       {std::string(100000, '['), std::string(100000, '{'), std::string(50000, '"'), "call:f{a:" + std::string(100000, '[')}) {
    const std::string reply = "<tool_call>" + body + "</tool_call>";
    EXPECT_EQ(parse(template_named("qwen2.5"), reply, reply.size()).content, reply);
    const std::string gemma = "<start_function_call>" + body;
    EXPECT_EQ(parse("<start_function_call>", gemma, gemma.size()).content, gemma);
  }
}

TEST(ReplyParser, ArgumentsThatEndInACommaAreContent) {
  for (const std::string arguments : {"{a:1,}", "{a:[1,]}", "{,}"}) {
    const std::string reply = "<start_function_call>call:stop" + arguments + "<end_function_call>";
    EXPECT_EQ(parse("<start_function_call>", reply, reply.size()).content, reply);
  }
}

TEST(ReplyParser, TellsHowAModelMarksItsThinkingUnlessThePromptHasEndedIt) {
  const std::string thinks = "{{ content.split('</think>')[-1] }}";
  const auto may = ReplyParser::thinking_markers(thinks, "<|im_start|>assistant\n");
  ASSERT_TRUE(may);
  EXPECT_EQ(may->open, "<think>");
  EXPECT_EQ(may->close, "</think>");
  EXPECT_FALSE(may->has_begun);
  EXPECT_TRUE(ReplyParser::thinking_markers("", "<|im_start|>assistant\n<think>\n")->has_begun);
  EXPECT_FALSE(ReplyParser::thinking_markers(thinks, "<|im_start|>assistant\n<think>\n\n</think>\n\n"));
  EXPECT_FALSE(ReplyParser::thinking_markers("{{ content }}", "Assistant:"));
}

}  // namespace
}  // namespace halfbyte
