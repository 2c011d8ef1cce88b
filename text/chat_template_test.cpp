#include "text/chat_template.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ctime>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <thread>

#include "base/file.h"
#include "base/json_writer.h"
#include "text/message_parts.h"

namespace halfbyte {
namespace {

const std::filesystem::path kData = std::filesystem::path(HALFBYTE_TEST_DATA) / "chat_templates";
const std::vector<Message> kQuestion = {{"user", "Why is the sky blue?"}};
constexpr int64_t kMorningOf26July2024 = 1721988000;

std::string rendered(std::string_view source, const std::vector<Message>& messages = kQuestion, const std::vector<Tool>& tools = {},
                     std::optional<bool> enable_thinking = {}) {
  const auto compiled = ChatTemplate::compile(source);
  if (!compiled) return compiled.error().message;
  const auto text = compiled->render(
      messages,
      {.bos_token = "<s>", .eos_token = "</s>", .tools = tools, .enable_thinking = enable_thinking, .local_time_s = kMorningOf26July2024});
  return text ? *text : text.error().message;
}

std::string text_of(const Json& object, std::string_view key) {
  const Json* member = object.find(key);
  return member != nullptr ? *member->text() : "";
}

std::vector<Message> messages_of(const Json& json) {
  std::vector<Message> messages;
  for (const Json& item : *json.array()) {
    Message message{.role = text_of(item, "role"),
                    .content = text_of(item, "content"),
                    .thinking = text_of(item, "reasoning_content"),
                    .tool_name = text_of(item, "name"),
                    .call_id = text_of(item, "tool_call_id")};
    if (const Json* calls = item.find("tool_calls"))
      for (const Json& call : *calls->array())
        message.tool_calls.push_back(
            {text_of(*call.find("function"), "name"), json_text(*call.find("function")->find("arguments")), text_of(call, "id")});
    messages.push_back(std::move(message));
  }
  return messages;
}

std::vector<Tool> tools_of(const Json* json) {
  std::vector<Tool> tools;
  if (json == nullptr) return tools;
  for (const Json& item : *json->array()) {
    const Json& function = *item.find("function");
    tools.push_back({text_of(function, "name"), text_of(function, "description"), json_text(*function.find("parameters"))});
  }
  return tools;
}

TEST(ChatTemplate, RendersEveryFamilyAsJinja2Does) {
  const auto recorded = read_text(kData / "cases.json", size_t{1} << 20);
  ASSERT_TRUE(recorded) << recorded.error().message;
  const auto cases = parse_json(*recorded, "cases.json");
  ASSERT_TRUE(cases) << cases.error().message;
  ASSERT_GE(cases->array()->size(), 69U);
  for (const Json& c : *cases->array()) {
    const std::string& name = *c.find("template")->text();
    const auto source = read_text(kData / name, size_t{1} << 20);
    ASSERT_TRUE(source) << source.error().message;
    std::optional<bool> enable_thinking;
    if (const Json* given = c.find("enable_thinking")) enable_thinking = std::get<bool>(given->value);
    const std::string text = rendered(*source, messages_of(*c.find("messages")), tools_of(c.find("tools")), enable_thinking);
    if (const Json* refusal = c.find("refusal"))
      EXPECT_EQ(text, "chat template failed at line 1: " + *refusal->text()) << name;
    else
      EXPECT_EQ(text, *c.find("text")->text()) << name;
  }
}

TEST(ChatTemplate, EvaluatesExpressionsAsJinja2Does) {
  const auto recorded = read_text(kData / "expressions.json", size_t{1} << 20);
  ASSERT_TRUE(recorded) << recorded.error().message;
  const auto expressions = parse_json(*recorded, "expressions.json");
  ASSERT_TRUE(expressions) << expressions.error().message;
  ASSERT_GE(expressions->object()->size(), 5000U);
  const auto cases = parse_json(*read_text(kData / "cases.json", size_t{1} << 20), "cases.json");
  const std::vector<Message> messages = messages_of(*cases->array()->front().find("messages"));
  const std::vector<Tool> tools = {{.name = "f", .parameters = R"({"type": "object", "items": [1],
       "n": {"big": 12345678901234567890123, "tiny": 1e-07, "large": 1e+16, "whole": 1.0}})"}};
  const std::set<std::string, std::less<>> not_done = {"{{ 'a'.encode() }}",
                                                       "{{ 1, 2 }}",
                                                       "{{ +1 }}",
                                                       "{% macro m(a) %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1) }}",
                                                       "{{ ('\u00e9\u00df\u0130\u01c6').casefold() }}",
                                                       "{{ ('\u4e94\u00b2\u0663x').casefold() }}"};
  for (const auto& [source, expected] : *expressions->object()) {
    const std::string text = rendered(source, messages, tools);
    if (expected.text() != nullptr && !not_done.contains(source))
      EXPECT_EQ(text, *expected.text()) << source;
    else
      EXPECT_TRUE(text.starts_with("chat template ")) << source << ": " << text;
  }
}

// With every flag, at ends of years and leap days: as the C library has it, whose strftime Python calls.
TEST(ChatTemplate, WritesDatesAsTheCLibraryDoes) {
  std::string directives;
  for (const std::string_view flags : {"", "-", "_", "0", "^", "#", "^#", "6", "-6", "_6", "06", "E", "O"})
    for (const char letter : std::string_view("aAbBcCdDeFgGhHIjklmMnpPrRStTuUVwWxXyYqQ!%"))
      if (flags.find('6') == std::string_view::npos || letter != 'F')  // its width is the year's
        directives += fmt::format("%{}{}|", flags, letter);
  const auto compiled = ChatTemplate::compile("{{ strftime_now('" + directives + "') }}");
  ASSERT_TRUE(compiled);
  for (const int64_t seconds : std::initializer_list<int64_t>{0, 951782400, 1704067199, 1709208000, 1721988000, 1735603200, 1609459200,
                                                              1640995199, 1104537600, -1, 4107542399}) {
    const std::time_t time = seconds;
    std::tm parts{};
    gmtime_r(&time, &parts);
    std::string expected(size_t{1} << 16, '\0');
    expected.resize(std::strftime(expected.data(), expected.size(), directives.c_str(), &parts));
    EXPECT_EQ(*compiled->render(kQuestion, {.local_time_s = seconds}), expected) << seconds;
  }
}

TEST(ChatTemplate, AToolReachesTheTemplateAsItsCallerHasIt) {
  const std::string definition = R"({"function": {"strict": true, "name": "f", "x": 1.50}, "type": "other"})";
  EXPECT_EQ(rendered("{{ tools[0]|tojson }}", kQuestion, {{.name = "f", .description = "not seen", .definition = definition}}),
            R"({"function": {"strict": true, "name": "f", "x": 1.5}, "type": "other"})");
}

TEST(ChatTemplate, MoreTextThanIsRenderedIsRefusedBeforeItIsRead) {
  const std::string most(kMaxMessageBytes - 4, 'x');
  EXPECT_EQ(rendered("{{ messages[0].content|length }}", {{"user", most}}), std::to_string(most.size()));
  const auto compiled = ChatTemplate::compile("ok");
  const std::vector<Message> two = {{"user", most}, {"user", "y"}};
  const auto refused = compiled->render(two, {});
  EXPECT_EQ(refused.error().code, Code::kTooLong);
  EXPECT_EQ(refused.error().message, "messages and tools: 4194309 bytes of text, at most 4194304 are rendered");
}

TEST(ChatTemplate, ArgumentsAndParametersAreJsonObjects) {
  const std::string source = "{{ tools|tojson }}{{ messages[0].tool_calls|tojson }}";
  const auto call = [&](const std::string& arguments) {
    return rendered(source, {{.role = "assistant", .tool_calls = {{.name = "f", .arguments = arguments}}}});
  };
  EXPECT_EQ(call(""), R"(null[{"type": "function", "function": {"name": "f", "arguments": {}}}])");
  EXPECT_EQ(call("[1]"), "call of f: arguments: expected a JSON object, found [1]");
  EXPECT_TRUE(call("{\"a\": }").starts_with("call of f: arguments: not valid JSON at byte ")) << call("{");
  EXPECT_EQ(rendered(source, kQuestion, {{.name = "g\n", .parameters = "1"}}), "tool g\\x0a: parameters: expected a JSON object, found 1");
}

TEST(ChatTemplate, ArgumentsAreTextForATemplateThatJoinsThemToText) {
  EXPECT_EQ(rendered("{{ 'call ' + messages[0].tool_calls[0].function.arguments }}",
                     {{.role = "assistant", .tool_calls = {{.name = "f", .arguments = R"({"a": 1})"}}}}),
            R"(call {"a": 1})");
}

std::string rendered_parts(const std::string& source, const Message& message) {
  const auto filled = with_content({&message, 1});
  return filled ? rendered(source, *filled) : filled.error().message;
}

TEST(ChatTemplate, PartsOfContentAreToldApartWhereTheTemplateDoesThat) {
  const Message message{.role = "user", .parts = R"([{"type": "text", "text": "one", "cache": 1}, {"type": "text", "text": "two"}])"};
  EXPECT_EQ(rendered_parts("{% for part in messages[0].content %}<{{ part.text }}{{ part.cache }}>{% endfor %}", message), "<one1><two>");
  // What joins content to text gets text: a list would show its brackets, or fail.
  EXPECT_EQ(rendered_parts("{{ messages[0].content }}", message), "one\ntwo");
  EXPECT_EQ(rendered_parts("{{ messages[0].content|tojson }}", message), R"("one\ntwo")");
  EXPECT_EQ(rendered_parts("{{ 'user: ' + messages[0].content }}", message), "user: one\ntwo");
}

TEST(ChatTemplate, PartsThatAreNoTextAreRefusedByTheirPlace) {
  const auto refused = [](const std::string& parts) { return rendered_parts("", {.role = "user", .parts = parts}); };
  EXPECT_EQ(refused(R"([{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "x"}}])"),
            "messages[0].content[1]: a part of type 'image_url': models read text here, and no images, sounds or files");
  EXPECT_EQ(refused(R"([{"text": "a"}])"), "messages[0].content[0]: expected a part with a type, found none");
  EXPECT_EQ(refused(R"([{"type": "text"}])"), "messages[0].content[0]: a part of type 'text' without its text");
  EXPECT_EQ(refused(R"({"type": "text"})"), R"(messages[0].content: expected a JSON list of parts, found {"type": "text"})");
  EXPECT_TRUE(refused("[").starts_with("messages[0].content: not valid JSON at byte ")) << refused("[");
  EXPECT_EQ(rendered_parts("", {.role = "user", .content = "a", .parts = "[]"}), "messages[0].content: expected text or parts, found both");
}

TEST(ChatTemplate, FurtherMembersOfAMessageReachTheTemplate) {
  const std::string source = "{{ messages[0].mood }} {{ messages[0].scores|tojson }} {{ messages[0].absent is defined }}";
  EXPECT_EQ(rendered_parts(source, {.role = "user", .content = "a", .extra = R"({"mood": "calm", "scores": [1, 2.5]})"}),
            "calm [1, 2.5] False");
  EXPECT_EQ(rendered_parts(source, {.role = "user", .extra = R"({"content": "b"})"}),
            "messages[0]: 'content' is a field of its own, and no further member");
  EXPECT_EQ(rendered_parts(source, {.role = "user", .extra = "[1]"}), "messages[0]: expected a JSON object of further members, found [1]");
}

TEST(ChatTemplate, LeavesTheAssistantsTurnClosedWhenAskedTo) {
  const auto compiled = ChatTemplate::compile("{{ messages[0].content }}{% if add_generation_prompt %} ->{% endif %}");
  ASSERT_TRUE(compiled);
  EXPECT_EQ(*compiled->render(kQuestion, {.add_generation_prompt = true}), "Why is the sky blue? ->");
  EXPECT_EQ(*compiled->render(kQuestion, {.add_generation_prompt = false}), "Why is the sky blue?");
}

TEST(ChatTemplate, MessagesAreTextWhateverTheyHold) {
  const std::string odd = std::string("{{ 1 }} \" \\ \n \t {% raise %} \x01 ") + '\0' + " \xf0\x9f\x98\x80";
  EXPECT_EQ(rendered("{{ messages[0].content }}", {{"user", odd}}), odd);
  EXPECT_EQ(rendered("{{ messages|length }}", {}), "0");
}

TEST(ChatTemplate, AMessageThatIsNotUtf8IsRefused) {
  EXPECT_EQ(rendered("{{ messages[0].content }}", {{"user", "\xff"}}), "chat template failed: the messages are not valid UTF-8");
}

TEST(ChatTemplate, AnInvalidTemplateIsRefusedWithItsLine) {
  EXPECT_TRUE(rendered("one\n{% for m in messages %}\n{{ m }}").starts_with("chat template invalid at line 3: "))
      << rendered("{% for m in x %}");
  EXPECT_TRUE(rendered("\n{{ 1 +").starts_with("chat template invalid at line 2: "));
  EXPECT_TRUE(rendered("{% nosuch %}").starts_with("chat template invalid at line 1: "));
  EXPECT_EQ(rendered("a\n\xff"), "chat template invalid at line 2: not valid UTF-8");
  EXPECT_EQ(rendered(std::string(17 << 20, 'x')), "chat template invalid: 17825792 bytes, at most 1048576 are read");
}

TEST(ChatTemplate, NothingOutsideTheMessagesIsInReach) {
  for (const std::string source : {"{% include '/etc/passwd' %}", "{% import 'os' as os %}", "{{ ''.__class__.__mro__ }}",
                                   "{{ self._TemplateReference__context }}", "{{ open('/etc/passwd') }}", "{% extends 'x' %}"})
    EXPECT_TRUE(rendered(source).starts_with("chat template ")) << source << ": " << rendered(source);
}

// Each of these is a few bytes that would take all memory or run for ever.
TEST(ChatTemplate, BombsEndInAnError) {
  const std::string loop = "{% for i in range(100000) %}";
  const std::vector<std::string> bombs = {
      "{% for i in range(10**9) %}{% endfor %}",
      loop + loop + loop + "x{% endfor %}{% endfor %}{% endfor %}",
      "{{ 'x' * 10**9 }}",
      "{{ 'x' * 10**12 }}",
      "{% set ns = namespace(x='xxxxxxxx') %}" + loop + "{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
      "{% set ns = namespace(x=['x']) %}" + loop + "{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x|length }}",
      loop + "{{ ('x' * 50000000)|length }}{% endfor %}",
      "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
      loop + "{{ 'x' * 10000 }}{% endfor %}",
      "{{ '%1000000000d'|format(1) }}",
      "{{ range(100000)|list|tojson(indent=100000000) }}",
  };
  for (const std::string& bomb : bombs) {
    const std::string text = rendered(bomb);
    EXPECT_TRUE(text.starts_with("chat template ") && text.size() < 400) << bomb << ": " << text.substr(0, 200);
  }
}

TEST(ChatTemplate, DeepNestingOverflowsNoStack) {
  const auto repeated = [](std::string_view part, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += part;
    return all;
  };
  for (const std::string& source :
       {repeated("{% if true %}", 10000), repeated("{% if true %}", 10000) + repeated("{% endif %}", 10000), "{{ " + repeated("(", 100000),
        "{{ " + repeated("[", 300000) + repeated("]", 300000) + " }}", "{{ " + repeated("not ", 200000) + "1 }}",
        "{{ " + repeated("-", 500000) + "1 }}", "{{ 1" + repeated(" ~ 1", 200000) + " }}", "{{ x" + repeated(".a", 400000) + " }}",
        "{{ x" + repeated("|trim", 150000) + " }}", "{{ 1" + repeated(" if 1 else 1", 80000) + " }}"})
    static_cast<void>(rendered(source));  // an answer or an error, but an end
  // A value nested as deeply as the budget allows: printed, compared and dropped.
  const std::string nest = "{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = [[[[[[[[ns.x]]]]]]]] %}{% endfor %}";
  for (const std::string_view use : {"", "{{ ns.x }}", "{{ ns.x == ns.x }}", "{{ ns.x|tojson }}", "{{ [ns.x]|sort }}"})
    static_cast<void>(rendered(nest + std::string(use)));
}

TEST(ChatTemplate, ARenderThatTakesTooMuchMemoryFailsAlone) {
  const auto compiled = ChatTemplate::compile("{% if messages %}{{ 'x' * (90000000 * messages|length) }}{% endif %}ok");
  ASSERT_TRUE(compiled);
  EXPECT_EQ(*compiled->render({}, {}), "ok");
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(compiled->render(kQuestion, {}).error().message, "chat template failed at line 1: needs too much memory or time");
    EXPECT_EQ(*compiled->render({}, {}), "ok");
  }
}

TEST(ChatTemplate, RendersFromManyThreadsAtOnce) {
  const auto compiled = ChatTemplate::compile("{% for m in messages %}{{ m.role }}{% endfor %}");
  ASSERT_TRUE(compiled);
  std::vector<std::string> texts(8);
  {
    std::vector<std::jthread> threads;
    for (std::string& text : texts) threads.emplace_back([&] { text = *compiled->render(kQuestion, {}); });
  }
  for (const std::string& text : texts) EXPECT_EQ(text, "user");
}

}  // namespace
}  // namespace halfbyte
