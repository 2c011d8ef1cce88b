#include "server/openai_request.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <limits>
#include <type_traits>

#include "base/errors.h"
#include "base/json_writer.h"
#include "halfbyte/reply_fields.h"

namespace halfbyte::openai {
namespace {

constexpr const char* kMessages = R"("messages": [{"role": "user", "content": "Hi"}])";

Result<ChatRequest> chat_with(std::string_view members) {
  return read_chat(fmt::format("{{{}{}{}}}", kMessages, members.empty() ? "" : ", ", members));
}
Result<CompletionRequest> completion_with(std::string_view members) {
  return read_completion(fmt::format(R"({{"prompt": "Hi"{}{}}})", members.empty() ? "" : ", ", members));
}

template <class R>
std::string refusal(const R& result) {
  return result ? "taken" : result.error().message;
}

TEST(OpenAIRequest, AChatIsReadWithItsMessagesToolsAndOptions) {
  const auto request = read_chat(R"({"model": "tiny", "messages": [
      {"role": "developer", "content": "Be brief."},
      {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
      {"role": "assistant", "content": null, "reasoning_content": "hm",
       "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\": \"Ulm\"}"}}]},
      {"role": "tool", "tool_call_id": "call_1", "content": "12 C"}],
    "tools": [{"type": "function", "function": {"name": "weather", "description": "of a city", "parameters": {"type": "object"}}}],
    "parallel_tool_calls": false, "max_tokens": 5, "max_completion_tokens": 7, "temperature": 0.5, "top_k": 3, "seed": -1, "n": 2,
    "stop": ["x", "y"], "logprobs": true, "top_logprobs": 2, "logit_bias": {"5": -100}, "allowed_token_ids": [1, 2], "cache_salt": "me",
    "stream": true, "stream_options": {"include_usage": true}, "reasoning_effort": "none", "user": "u", "unheard_of": {"x": [1]}})");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->model, "tiny");
  ASSERT_EQ(request->messages.size(), 4U);
  EXPECT_EQ(request->messages[0].role, "system");
  EXPECT_EQ(request->messages[1].parts, R"([{"type":"text","text":"Weather?"}])");
  EXPECT_EQ(request->messages[2].thinking, "hm");
  EXPECT_EQ(request->messages[2].tool_calls, (std::vector<ToolCall>{{"weather", R"({"city": "Ulm"})", "call_1"}}));
  EXPECT_EQ(request->messages[3].call_id, "call_1");
  ASSERT_EQ(request->tools.size(), 1U);
  EXPECT_EQ(request->tools[0].name, "weather");
  EXPECT_EQ(request->tools[0].parameters, R"({"type":"object"})");
  EXPECT_TRUE(request->takes_one_call);
  EXPECT_TRUE(request->streams);
  EXPECT_TRUE(request->tells_usage);
  const CompletionOptions& options = request->options;
  EXPECT_EQ(options.max_new_tokens, 7);
  EXPECT_EQ(options.sampling.temperature, 0.5F);
  EXPECT_EQ(options.sampling.top_k, 3);
  EXPECT_EQ(options.sampling.seed, std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(options.choices, 2);
  EXPECT_EQ(options.stop, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(options.logprobs, 2);
  EXPECT_EQ(options.sampling.logit_bias, (std::vector<TokenBias>{{5, -100}}));
  EXPECT_EQ(options.sampling.allowed_tokens, (std::vector<Token>{1, 2}));
  EXPECT_EQ(options.principal, "me");
  EXPECT_EQ(options.thinking, false);
}

TEST(OpenAIRequest, WhatIsNullIsNotGiven) {
  const auto request = chat_with(
      R"("temperature": null, "stop": null, "tools": null, "tool_choice": null, "response_format": null, "seed": null, "stream": null)");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->options.sampling, SamplingOptions());
  EXPECT_FALSE(request->streams);
}

TEST(OpenAIRequest, AFormatIsAGrammar) {
  EXPECT_EQ(chat_with(R"("response_format": {"type": "text"})")->options.grammar, std::nullopt);
  EXPECT_EQ(chat_with(R"("response_format": {"type": "json_object"})")->options.grammar, (GrammarSource{GrammarKind::kJsonObject, ""}));
  EXPECT_EQ(chat_with(R"("response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}})")
                ->options.grammar,
            (GrammarSource{GrammarKind::kJsonSchema, R"({"type":"object"})"}));
}

TEST(OpenAIRequest, TheToolChoiceNoneLeavesTheToolsOut) {
  constexpr const char* kTool = R"("tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": )";
  EXPECT_EQ(chat_with(std::string(kTool) + R"("none")")->tools.size(), 0U);
  EXPECT_EQ(chat_with(std::string(kTool) + R"("auto")")->tools.size(), 1U);
}

TEST(OpenAIRequest, ACompletionIsReadWithOneOrSeveralPrompts) {
  const auto request = read_completion(R"({"prompt": ["a", "b"], "logprobs": 3, "echo": false, "suffix": null, "best_of": 2})");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->prompts, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(request->options.logprobs, 3);
  EXPECT_EQ(request->options.best_of, 2);
  EXPECT_EQ(request->options.max_new_tokens, 16);
}

// What our own clients send (tests/contract) is taken, and by the original's own names.
TEST(OpenAIRequest, EveryBodyThatTheContractsClientsSendIsTaken) {
  size_t bodies = 0;
  for (const std::string name : {"openai_chat", "openai_completions"}) {
    std::ifstream in(std::string(HALFBYTE_TEST_DATA) + "/../contract/" + name + ".json");
    const auto file = parse_json(std::string(std::istreambuf_iterator<char>(in), {}), name);
    ASSERT_TRUE(file) << file.error().message;
    for (const Json& row : *file->find("rows")->array()) {
      const Json* sends = row.find("sends");
      if (sends == nullptr) continue;
      const std::string body = json_text(*sends);
      EXPECT_EQ(name == "openai_chat" ? refusal(read_chat(body)) : refusal(read_completion(body)), "taken") << body;
      ++bodies;
    }
  }
  EXPECT_GT(bodies, 10U);
}

struct Row {
  std::string member, says;  // what its refusal begins with
};

TEST(OpenAIRequest, AMalformedChatIsRefusedWithTheFieldsPath) {
  const Row rows[] = {
      {R"("model": 5)", "model: expected text, found 5"},
      {R"("stream": "yes")", "stream: expected true or false, found text"},
      {R"("stream_options": [])", "stream_options: expected an object, found a list"},
      {R"("stream_options": {"include_usage": 1})", "stream_options.include_usage: expected true or false, found 1"},
      {R"("max_tokens": 0)", "max_tokens: expected a whole number, 1 to"},
      {R"("max_tokens": 1.5)", "max_tokens: expected a whole number"},
      {R"("max_tokens": 1e300)", "max_tokens: expected a whole number"},
      {R"("max_completion_tokens": -1)", "max_completion_tokens: expected a whole number"},
      {R"("seed": 1.5)", "seed: expected a whole number of 64 bits, found 1.5"},
      {R"("seed": 18446744073709551616)", "seed: expected"},
      {R"("stop": "")", "stop: expected text that is not empty"},
      {R"("stop": 3)", "stop: expected text"},
      {R"("stop": ["a", ""])", "stop[1]: expected text that is not empty"},
      {R"("stop": ["1","2","3","4","5","6","7","8","9","0","1","2","3","4","5","6","7"])", "stop: expected at most 16 texts, found 17"},
      {R"("logit_bias": {"x": 1})", "logit_bias: expected token ids as names, found 'x'"},
      {R"("logit_bias": {"1": 101})", "logit_bias.1: expected a number, -100 to 100, found 101"},
      {R"("logit_bias": {"-1": 1})", "logit_bias: expected token ids"},
      {R"("allowed_token_ids": ["a"])", "allowed_token_ids[0]: expected a token id, found text"},
      {R"("logprobs": 3)", "logprobs: expected true or false, found 3"},
      {R"("top_logprobs": 21)", "top_logprobs: expected a whole number, 0 to 20, found 21"},
      {R"("top_logprobs": 2)", "top_logprobs: expected logprobs to be true"},
      {R"("n": 2, "best_of": 1)", "best_of: expected at least n (2), found 1"},
      {R"("tools": {})", "tools: expected a list, found an object"},
      {R"("tools": [3])", "tools[0]: expected an object, found 3"},
      {R"("tools": [{"type": "web_search"}])", "tools[0].type: 'web_search' is not done"},
      {R"("tools": [{"type": "function"}])", "tools[0].function: expected an object, found nothing"},
      {R"("tools": [{"function": {"name": 1}}])", "tools[0].function.name: expected text, found 1"},
      {R"("tools": [{"function": {"name": "f", "parameters": 1}}])", "tools[0].function.parameters: expected an object, found 1"},
      {R"("tool_choice": "sometimes")", "tool_choice: expected none, auto, required or an object"},
      {R"("tool_choice": "required")", "tool_choice: 'required' cannot be forced yet"},
      {R"("tool_choice": {"type": "function"})", "tool_choice: a named tool cannot be forced yet"},
      {R"("tool_choice": 1)", "tool_choice: expected text, found 1"},
      {R"("functions": [])", "functions: not done"},
      {R"("parallel_tool_calls": 1)", "parallel_tool_calls: expected true or false"},
      {R"("response_format": "json")", "response_format: expected an object, found text"},
      {R"("response_format": {})", "response_format.type: expected text, found nothing"},
      {R"("response_format": {"type": "xml"})", "response_format.type: expected text, json_object or json_schema"},
      {R"("response_format": {"type": "json_schema"})", "response_format.json_schema: expected an object, found nothing"},
      {R"("response_format": {"type": "json_schema", "json_schema": {"schema": 1}})",
       "response_format.json_schema.schema: expected an object"},
      {R"("reasoning_effort": "huge")", "reasoning_effort: expected none, minimal"},
      {R"("chat_template_kwargs": {"enable_thinking": 1})", "chat_template_kwargs.enable_thinking: expected true or false"},
      {R"("cache_salt": 1)", "cache_salt: expected text, found 1"},
  };
  for (const Row& row : rows) {
    const auto request = chat_with(row.member);
    ASSERT_FALSE(request) << row.member;
    EXPECT_TRUE(request.error().message.starts_with(row.says)) << row.member << "\n" << request.error().message;
    EXPECT_TRUE(request.error().code == Code::kInvalid || request.error().code == Code::kUnsupported) << row.member;
  }
}

TEST(OpenAIRequest, AMalformedMessageIsRefusedWithItsPath) {
  const Row rows[] = {
      {R"("messages": 3)", "messages: expected a list, found 3"},
      {R"("messages": [])", "messages: expected at least one"},
      {R"("messages": null)", "messages: expected at least one"},
      {R"("messages": [3])", "messages[0]: expected an object, found 3"},
      {R"("messages": [{}])", "messages[0].role: expected text, found nothing"},
      {R"("messages": [{"role": 3}])", "messages[0].role: expected text, found 3"},
      {R"("messages": [{"role": "judge", "content": "x"}])", "messages[0].role: expected system, developer, user, assistant or tool"},
      {R"("messages": [{"role": "user"}])", "messages[0].content: expected text or a list of parts, found nothing"},
      {R"("messages": [{"role": "user", "content": 3}])", "messages[0].content: expected text or a list of parts, found 3"},
      {R"("messages": [{"role": "user", "content": [3]}])", "messages[0].content[0]: expected an object, found 3"},
      {R"("messages": [{"role": "user", "content": [{"type": "image_url"}]}])", "messages[0].content[0].type: 'image_url' is not taken"},
      {R"("messages": [{"role": "user", "content": [{"type": "text"}]}])", "messages[0].content[0].text: expected text, found nothing"},
      {R"("messages": [{"role": "assistant", "tool_calls": [{}]}])", "messages[0].tool_calls[0].function: expected an object"},
      {R"("messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "["}}]}])",
       "messages[0].tool_calls[0].function.arguments: expected a JSON object as text"},
  };
  for (const Row& row : rows) {
    const auto request = read_chat("{" + row.member + "}");
    ASSERT_FALSE(request) << row.member;
    EXPECT_TRUE(request.error().message.starts_with(row.says)) << row.member << "\n" << request.error().message;
  }
}

TEST(OpenAIRequest, AMalformedCompletionIsRefusedWithTheFieldsPath) {
  const Row rows[] = {
      {R"("logprobs": true)", "logprobs: expected a whole number, 0 to 20, found true"},
      {R"("logprobs": 21)", "logprobs: expected a whole number, 0 to 20, found 21"},
      {R"("echo": 1)", "echo: expected true or false, found 1"},
      {R"("echo": true)", "echo: not done yet"},
      {R"("suffix": "x")", "suffix: not done yet"},
  };
  for (const Row& row : rows) EXPECT_TRUE(refusal(completion_with(row.member)).starts_with(row.says)) << row.member;
  EXPECT_EQ(refusal(read_completion("{}")), "prompt: expected text or a list of texts, found nothing");
  EXPECT_EQ(refusal(read_completion(R"({"prompt": ""})")), "prompt: expected text, found an empty one");
  EXPECT_EQ(refusal(read_completion(R"({"prompt": []})")), "prompt: expected 1 to 16 texts, found 0");
  EXPECT_EQ(refusal(read_completion(R"({"prompt": [1, 2]})")), "prompt: token ids are not done yet");
  EXPECT_EQ(refusal(read_completion(R"({"prompt": ["a", {}]})")), "prompt[1]: expected text, found an object");
}

// Made from the lists, so that no option can be taken unchecked.
TEST(OpenAIRequest, EveryNumberOfTheListsIsRefusedOutOfItsRangeAndOfAnotherType) {
  const auto refuses = [](std::string_view key, const std::string& value) {
    const std::string said = refusal(chat_with(fmt::format(R"("{}": {})", key, value)));
    EXPECT_TRUE(said.starts_with(fmt::format("{}: expected ", key))) << key << " " << value << ": " << said;
  };
  const auto takes = [](std::string_view key, const std::string& value) {
    EXPECT_EQ(refusal(chat_with(fmt::format(R"("{}": {})", key, value))), "taken") << key << " " << value;
  };
  for (const SamplingField& field : kSamplingFields) {
    if (field.openai.empty()) continue;
    for (const char* value : {"\"1\"", "true", "[]", "{}", "1e400", "1e39"}) refuses(field.openai, value);
    std::visit(
        [&]<class T>(const SamplingRange<T>& range) {
          if constexpr (std::is_same_v<T, uint64_t>) return;
          takes(field.openai, fmt::format("{}", range.least));
          takes(field.openai, fmt::format("{}", range.greatest));
          refuses(field.openai, fmt::format("{}", static_cast<double>(range.least) - 0.5));
          refuses(field.openai, fmt::format("{}", static_cast<double>(range.greatest) + 0.5));
        },
        field.range);
  }
  for (const ReplyField<CompletionOptions>& field : kReplyFields<CompletionOptions>) {
    if (field.openai.empty() || field.name == "logprobs") continue;
    for (const char* value : {"\"1\"", "[]", "{}", "1.5", "1e400"}) refuses(field.openai, value);
    if (std::holds_alternative<bool CompletionOptions::*>(field.member)) {
      refuses(field.openai, "1");
      continue;
    }
    takes(field.openai, fmt::format("{}", static_cast<int64_t>(field.least)));
    refuses(field.openai, fmt::format("{}", static_cast<int64_t>(field.least) - 1));
    refuses(field.openai, fmt::format("{}", static_cast<int64_t>(field.greatest) + 1));
    refuses(field.openai, "true");
  }
}

TEST(OpenAIRequest, ABodyThatIsNoJsonObjectIsRefusedByItsPlace) {
  const std::string deep = R"({"x": )" + std::string(10'000, '[') + std::string(10'000, ']') + "}";
  for (const std::string& body :
       {std::string(), std::string("{"), std::string("[]"), std::string("3"), std::string("{\"a\": NaN}"), std::string("{\"a\": \"\xff\"}"),
        std::string("{\"a\": \"\\ud800\"}"), std::string("{\"a\": 1, \"a\": 2}"), deep}) {
    for (const std::string& said : {refusal(read_chat(body)), refusal(read_completion(body))})
      EXPECT_TRUE(said.starts_with("body: ")) << body.substr(0, 40) << ": " << said;
  }
}

}  // namespace
}  // namespace halfbyte::openai
