// The rows of tests/contract, which the Python clients run too.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>

#include "backends/json_members.h"
#include "backends/ollama_backend.h"
#include "backends/openai_backend.h"
#include "base/errors.h"
#include "base/file.h"
#include "base/json.h"
#include "halfbyte/reply_fields.h"
#include "http/loopback_server.h"
#include "sampling/head_of_row.h"
#include "sampling/sampler.h"

namespace halfbyte {
namespace {

const Json kNull{nullptr};

const Json& at(const Json& object, std::string_view key, const Json& otherwise = kNull) {
  const Json* value = object.find(key);
  return value != nullptr ? *value : otherwise;
}

std::string text_at(const Json& object, std::string_view key, const std::string& otherwise = "") {
  const std::string* text = at(object, key).text();
  return text != nullptr ? *text : otherwise;
}

std::vector<Json> items(const Json& value) { return value.array() != nullptr ? *value.array() : std::vector<Json>{}; }

double number(const Json& value) {
  if (const auto* whole = std::get_if<int64_t>(&value.value)) return static_cast<double>(*whole);
  return std::get<double>(value.value);
}

std::vector<Json> rows_of(const std::string& name) {
  const std::string path = std::string(HALFBYTE_TEST_DATA) + "/../contract/" + name + ".json";
  const auto text = read_text(path, 1 << 20);
  EXPECT_TRUE(text) << text.error().message;
  const auto file = parse_json(*text, path);
  EXPECT_TRUE(file) << file.error().message;
  return items(at(*file, "rows"));
}

// One text for values that are equal: members in order, numbers by value.
std::string canonical(const Json& value) {
  if (value.array() != nullptr) {
    std::string all = "[";
    for (const Json& item : *value.array()) all += canonical(item) + ",";
    return all + "]";
  }
  if (value.object() != nullptr) {
    std::map<std::string, std::string> members;
    for (const JsonMember& member : *value.object()) members[member.key] = canonical(member.value);
    std::string all = "{";
    for (const auto& [key, text] : members) all += json_text({key}) + ":" + text + ",";
    return all + "}";
  }
  if (const auto* whole = std::get_if<int64_t>(&value.value)) return json_text({static_cast<double>(*whole)});
  return json_text(value);
}

std::string decoded(std::string_view base64) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : base64.substr(0, base64.find('='))) {
    bits = bits << 6 | static_cast<uint32_t>(kDigits.find(c));
    if ((count += 6) >= 8) bytes += static_cast<char>(bits >> (count -= 8) & 0xff);
  }
  return bytes;
}

std::string raw(const Json& value) { return value.text() != nullptr ? *value.text() : json_text(value); }

std::string body_of(const Json& answer) {
  if (const Json* json = answer.find("json")) return json_text(*json);
  if (answer.find("base64") != nullptr) return decoded(text_at(answer, "base64"));
  std::string body = text_at(answer, "text");
  for (const Json& event : items(at(answer, "events"))) body += "data: " + raw(event) + "\n\n";
  for (const Json& line : items(at(answer, "lines"))) body += raw(line) + "\n";
  return body;
}

template <class T>
T number_like(T, const Json& value) {
  const auto* large = std::get_if<uint64_t>(&value.value);
  return large != nullptr ? static_cast<T>(*large) : static_cast<T>(number(value));
}

// As Python's `response_format` has it: {"type": KIND, KIND: SOURCE}.
GrammarSource grammar_of(const Json& format) {
  const std::string& kind = *format.find("type")->text();
  if (kind == "json_object") return {GrammarKind::kJsonObject, ""};
  if (kind == "json_schema") return {GrammarKind::kJsonSchema, JsonWriter().value(*format.find("json_schema")).take()};
  return {GrammarKind::kRegex, *format.find("regex")->text()};
}

std::vector<AdapterUse> adapters_of(const Json& given) {
  std::vector<AdapterUse> uses;
  if (const Json* adapters = given.find("adapters"))
    for (const JsonMember& each : *adapters->object()) uses.push_back({each.key, static_cast<float>(number(each.value))});
  return uses;
}

CompletionOptions options_of(const Json& given, int max_new_tokens) {
  CompletionOptions options{.max_new_tokens = max_new_tokens};
  if (const Json* value = given.find("max_new_tokens")) options.max_new_tokens = static_cast<int>(number(*value));
  options.sampling.temperature = 1;  // as Python's methods have it, unless it is given
  for (const SamplingField& field : kSamplingFields)
    if (const Json* value = given.find(field.name))
      std::visit([&](const auto& range) { (options.sampling.*range.member).emplace(number_like(range.least, *value)); }, field.range);
  if (const Json* biases = given.find("logit_bias"))
    for (const JsonMember& each : *biases->object())
      options.sampling.logit_bias.push_back({static_cast<Token>(std::stoi(each.key)), static_cast<float>(number(each.value))});
  for (const Json& token : items(at(given, "allowed_tokens"))) options.sampling.allowed_tokens.push_back(static_cast<Token>(number(token)));
  for (const ReplyField<CompletionOptions>& field : kReplyFields<CompletionOptions>)
    if (const Json* value = given.find(field.name))
      std::visit(
          [&](const auto member) {
            if (const bool* fact = std::get_if<bool>(&value->value))
              options.*member = *fact;
            else
              options.*member = static_cast<int>(number(*value));
          },
          field.member);
  options.principal = text_at(given, "principal");
  options.forced_prefix = text_at(given, "forced_prefix");
  for (const Json& token : items(at(given, "stop_tokens"))) options.stop_tokens.push_back(static_cast<Token>(number(token)));
  options.adapters = adapters_of(given);
  if (given.find("beam_search") != nullptr) options.beam_search = BeamSearch{};
  if (const Json* thinking = given.find("thinking")) options.thinking = std::get<bool>(thinking->value);
  for (const Json& stop : items(at(given, "stop"))) options.stop.push_back(*stop.text());
  if (const Json* format = given.find("response_format")) options.grammar = grammar_of(*format);
  return options;
}

std::vector<Message> messages_of(const Json& given) {
  std::vector<Message> messages;
  for (const Json& one : items(given)) {
    Message message{.role = text_at(one, "role"),
                    .content = text_at(one, "content"),
                    .thinking = text_at(one, "thinking"),
                    .tool_name = text_at(one, "tool_name"),
                    .call_id = text_at(one, "call_id")};
    for (const Json& call : items(at(one, "tool_calls")))
      message.tool_calls.push_back(
          {.name = text_at(call, "name"), .arguments = json_text(at(call, "arguments")), .call_id = text_at(call, "call_id")});
    messages.push_back(std::move(message));
  }
  if (messages.empty()) messages.push_back({.role = "user", .content = "Hi"});
  return messages;
}

std::vector<Tool> tools_of(const Json& given) {
  std::vector<Tool> tools;
  for (const Json& one : items(given))
    tools.push_back(
        {.name = text_at(one, "name"), .description = text_at(one, "description"), .parameters = json_text(at(one, "parameters"))});
  return tools;
}

// A fact is a text; where the contract has something else, the text is its JSON.
Json facts_like(const Facts& facts, const Json& expected) {
  Json::Object told;
  for (const auto& [key, fact] : facts) {
    const auto value = parse_json(fact, key);
    add(told, key, at(expected, key).text() == nullptr && value ? *value : Json{fact});
  }
  for (const JsonMember& member : *expected.object())  // what is null there is absent here
    if (std::holds_alternative<std::nullptr_t>(member.value.value) && facts.find(member.key) == facts.end())
      add(told, member.key, {nullptr});
  return {std::move(told)};
}

Json or_null(std::optional<int> count) { return count ? Json{int64_t{*count}} : Json{nullptr}; }
Json or_null(std::optional<std::string> text) { return text ? Json{std::move(*text)} : Json{nullptr}; }

std::optional<std::string> fact(const Facts& facts, const std::string& key) {
  const auto found = facts.find(key);
  return found != facts.end() ? std::optional(found->second) : std::nullopt;
}

Json json_of(const std::vector<ScoredToken>& tokens) {
  Json::Array all;
  for (const ScoredToken& token : tokens) {
    Json::Object one{{"text", {token.text}}, {"id", or_null(token.id)}, {"log_probability", {token.log_probability}}};
    if (!token.likeliest.empty()) add(one, "likeliest", json_of(token.likeliest));
    all.push_back({std::move(one)});
  }
  return {std::move(all)};
}

Json json_of(const std::vector<ToolCall>& calls) {
  Json::Array all;
  for (const ToolCall& call : calls) {
    Json::Object one;
    add(one, "name", {call.name});
    add(one, "arguments", *parse_json(call.arguments, "arguments"));
    add(one, "call_id", {call.call_id});
    all.push_back({std::move(one)});
  }
  return {std::move(all)};
}

Json json_of(const std::vector<ReplyChoice>& choices) {
  Json::Array all;
  for (const ReplyChoice& choice : choices) {
    Json::Object one{{"text", {choice.text}}, {"finish_reason", {choice.finish_reason}}};
    if (choice.thinking) add(one, "thinking", {*choice.thinking});
    if (!choice.tool_calls.empty()) add(one, "tool_calls", json_of(choice.tool_calls));
    if (!choice.tokens.empty()) add(one, "tokens", json_of(choice.tokens));
    all.push_back({std::move(one)});
  }
  return {std::move(all)};
}

// What came of a call, in the words of `gives`.
struct Outcome {
  std::optional<Error> error;
  std::vector<std::string> pieces;
  Json::Object told;
  Facts facts;

  void take(const Result<InferenceResult>& result) {
    if (!result) {
      error = result.error();
      return;
    }
    add(told, "content", {result->completion});
    add(told, "thinking", or_null(fact(result->metadata, "thinking")));
    add(told, "tool_calls", {Json::Array{}});
    take_common(*result);
  }
  void take(const Result<ChatResult>& result) {
    if (!result) {
      error = result.error();
      return;
    }
    add(told, "content", {result->content});
    add(told, "thinking", or_null(result->thinking));
    add(told, "tool_calls", json_of(result->tool_calls));
    take_common(*result);
  }
  void take_common(const auto& result) {
    add(told, "counts", {Json::Array{or_null(result.prompt_tokens), or_null(result.completion_tokens)}});
    add(told, "finish_reason", or_null(fact(result.metadata, "finish_reason")));
    add(told, "tokens", json_of(result.tokens));
    add(told, "choices", json_of(result.choices));
    facts = result.metadata;
  }
};

Outcome outcome_of(Backend& backend, const std::string& call, const Json& row) {
  Outcome outcome;
  const Json& given = at(row, "options");
  const std::string prompt = text_at(row, "prompt", "Hi");
  const std::vector<Message> messages = messages_of(at(row, "messages"));
  const TextSink sink = [&](std::string_view piece) { return outcome.pieces.emplace_back(piece), true; };
  if (call == "complete") outcome.take(backend.complete(prompt, options_of(given, 128)));
  if (call == "stream") outcome.take(backend.stream(prompt, options_of(given, 128), sink));
  if (call == "chat") outcome.take(backend.chat(messages, tools_of(at(row, "tools")), options_of(given, 512)));
  if (call == "stream_chat") outcome.take(backend.stream_chat(messages, options_of(given, 512), sink));
  return outcome;
}

void expect_pieces(const Json& expected, const std::vector<std::string>& pieces) {
  if (expected.array() == nullptr) return;
  Json::Array given;
  for (const std::string& piece : pieces) given.push_back({piece});
  EXPECT_EQ(json_text({std::move(given)}), json_text(expected));
}

void expect(const Json& row, const Outcome& outcome, const std::string& address) {
  if (const Json* fails = row.find("fails")) {
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->message, address + ": " + text_at(*fails, "text"));
    EXPECT_EQ(std::string(halfbyte::row(outcome.error->code).name), text_at(*fails, "code"));
    expect_pieces(at(*fails, "pieces"), outcome.pieces);
    return;
  }
  ASSERT_FALSE(outcome.error) << outcome.error->message;
  const Json& gives = at(row, "gives");
  const Json nothing{""}, none{Json::Array{}}, unknown{Json::Array{{nullptr}, {nullptr}}};
  Json::Object expected, told = outcome.told;
  add(expected, "content", at(gives, "content", nothing));
  add(expected, "thinking", at(gives, "thinking"));
  add(expected, "tool_calls", at(gives, "tool_calls", none));
  add(expected, "counts", at(gives, "counts", unknown));
  add(expected, "finish_reason", at(gives, "finish_reason"));
  add(expected, "tokens", at(gives, "tokens", none));
  add(expected, "choices", at(gives, "choices", none));
  if (const Json* metadata = gives.find("metadata")) {
    add(expected, "metadata", *metadata);
    add(told, "metadata", facts_like(outcome.facts, *metadata));
  }
  EXPECT_EQ(canonical({std::move(told)}), canonical({std::move(expected)}));
  expect_pieces(at(gives, "pieces"), outcome.pieces);
  std::string joined;
  for (const std::string& piece : outcome.pieces) joined += piece;
  EXPECT_EQ(outcome.pieces.empty() ? text_at(gives, "content") : joined, text_at(gives, "content"));
}

std::string status_line(const Json& answer) {
  const Json* status = answer.find("status");
  const int code = status != nullptr ? static_cast<int>(number(*status)) : 200;
  const std::map<int, std::string> names{{200, "OK"}, {400, "Bad Request"}, {500, "Internal Server Error"}, {503, "Service Unavailable"}};
  return fmt::format("{} {}", code, names.at(code));
}

void run_row(const std::string& name, const std::string& call, const Json& row, size_t step) {
  SCOPED_TRACE(fmt::format("{}, {}, {} bytes at a time: {}", name, call, step, text_at(row, "name")));
  const std::string status = status_line(at(row, "answer")), body = body_of(at(row, "answer"));
  const bool is_cut = at(row, "answer").find("cut") != nullptr;
  LoopbackServer server([&](LoopbackConnection& c, const AskedRequest&) {
    if (is_cut) {
      c.begin_chunked("text/plain");
      return c.send(fmt::format("{:x}\r\n{}", body.size() + 10, body));
    }
    if (step == 0) return c.send_answer(status, body);
    c.begin_chunked("text/plain");
    for (size_t begin = 0; begin < body.size(); begin += step) c.send_chunk(std::string_view(body).substr(begin, step));
    c.send_chunk("");
  });
  const bool is_ollama = name.starts_with("ollama");
  const auto api = name == "openai_completions" ? OpenAIOptions::Api::kCompletions : OpenAIOptions::Api::kChat;
  const auto backend =
      is_ollama ? open_ollama({.model_id = "tiny", .base_url = server.url()})
                : open_openai({.model_id = "tiny", .base_url = server.url() + "/v1", .env_file = "", .max_retries = 0, .api = api});
  ASSERT_TRUE(backend) << backend.error().message;
  const Outcome outcome = outcome_of(**backend, call, row);
  const auto asked = server.asked();
  if (row.find("refuses") != nullptr) {
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->code, Code::kUnsupported);
    EXPECT_EQ(outcome.error->message, text_at(row, "refuses"));
    EXPECT_TRUE(asked.empty());
    return;
  }
  ASSERT_EQ(asked.size(), 1u);
  expect(row, outcome, fmt::format("{} at {}{}", is_ollama ? "Ollama" : "OpenAI", server.url(), asked[0].path));
  if (const Json* sends = row.find("sends")) {
    const auto sent = parse_json(asked[0].body, "body");
    ASSERT_TRUE(sent) << sent.error().message;
    EXPECT_EQ(canonical(*sent), canonical(*sends));
  }
}

void run_rows(const std::string& name) {
  const std::vector<Json> rows = rows_of(name);
  EXPECT_FALSE(rows.empty());
  for (const Json& row : rows)
    for (const Json& call : items(at(row, "calls"))) {
      run_row(name, *call.text(), row, 0);
      if (!call.text()->starts_with("stream") || at(row, "answer").find("status") != nullptr || at(row, "answer").find("cut") != nullptr)
        continue;
      run_row(name, *call.text(), row, 3);
      run_row(name, *call.text(), row, 1);
    }
}

TEST(Contract, OllamaGenerate) { run_rows("ollama_generate"); }
TEST(Contract, OllamaChat) { run_rows("ollama_chat"); }
TEST(Contract, OpenAIChat) { run_rows("openai_chat"); }
TEST(Contract, OpenAICompletions) { run_rows("openai_completions"); }

TEST(Contract, Embed) {
  for (const Json& row : rows_of("embed")) {
    SCOPED_TRACE(text_at(row, "name"));
    LoopbackServer server([&](LoopbackConnection& c, const AskedRequest&) { return c.send_answer("200 OK", body_of(at(row, "answer"))); });
    const auto backend = text_at(row, "service") == "ollama"
                             ? open_ollama({.model_id = "tiny", .base_url = server.url()})
                             : open_openai({.model_id = "tiny", .base_url = server.url() + "/v1", .env_file = "", .max_retries = 0});
    ASSERT_TRUE(backend) << backend.error().message;
    std::vector<std::string> texts;
    for (const Json& text : items(at(row, "texts"))) texts.push_back(*text.text());
    std::optional<Pooling> pooling;
    if (row.find("pooling") != nullptr) pooling = text_at(row, "pooling") == "last" ? Pooling::kLast : Pooling::kMean;
    const auto vectors = (*backend)->embed(texts, pooling, adapters_of(row));
    if (row.find("refuses") != nullptr) {
      EXPECT_EQ(vectors.error().message, text_at(row, "refuses"));
      EXPECT_TRUE(server.asked().empty());
    } else if (const Json* fails = row.find("fails")) {
      ASSERT_FALSE(vectors);
      EXPECT_TRUE(vectors.error().message.ends_with(": " + text_at(*fails, "text"))) << vectors.error().message;
      EXPECT_EQ(std::string(halfbyte::row(vectors.error().code).name), text_at(*fails, "code"));
    } else {
      ASSERT_TRUE(vectors) << vectors.error().message;
      std::vector<std::vector<float>> expected;
      for (const Json& vector : items(at(row, "gives"))) {
        expected.emplace_back();
        for (const Json& part : items(vector)) expected.back().push_back(static_cast<float>(number(part)));
      }
      EXPECT_EQ(*vectors, expected);
    }
    if (const Json* sends = row.find("sends")) {
      const auto sent = parse_json(server.asked()[0].body, "body");
      ASSERT_TRUE(sent) << sent.error().message;
      EXPECT_EQ(canonical(*sent), canonical(*sends));
    }
  }
}

TEST(Contract, Routes) {
  for (const Json& row : rows_of("routes")) {
    SCOPED_TRACE(text_at(row, "name"));
    const auto characters = static_cast<size_t>(number(at(row, "argument")));
    const Route route =
        text_at(row, "rule") == "longer_than" ? Route::longer_than(characters, nullptr) : Route::shorter_than(characters, nullptr);
    const std::vector<Json> prompts = items(at(row, "prompts")), applies = items(at(row, "applies"));
    ASSERT_EQ(prompts.size(), applies.size());
    for (size_t i = 0; i < prompts.size(); ++i) EXPECT_EQ(route.applies({.prompt = *prompts[i].text()}), std::get<bool>(applies[i].value));
  }
}

TEST(Contract, SamplingFields) {
  const std::vector<Json> rows = rows_of("sampling");
  ASSERT_EQ(rows.size(), std::size(kSamplingFields));
  for (size_t i = 0; i < rows.size(); ++i) {
    const SamplingField& field = kSamplingFields[i];
    SCOPED_TRACE(field.name);
    EXPECT_EQ(text_at(rows[i], "name"), field.name);
    EXPECT_EQ(text_at(rows[i], "ollama"), field.ollama);
    EXPECT_EQ(text_at(rows[i], "openai"), field.openai);
    std::visit(
        [&](const auto& range) {
          EXPECT_EQ(text_at(rows[i], "kind"), std::is_floating_point_v<decltype(range.least)> ? "float" : "int");
          EXPECT_EQ(number_like(range.least, at(rows[i], "least")), range.least);
          EXPECT_EQ(number_like(range.least, at(rows[i], "greatest")), range.greatest);
          EXPECT_EQ(number_like(range.least, at(rows[i], "default")), range.otherwise);
          EXPECT_EQ(number_like(range.least, at(rows[i], "neutral")), range.neutral);
        },
        field.range);
  }
}

TEST(Contract, ReplyFields) {
  const std::vector<Json> rows = rows_of("reply");
  ASSERT_EQ(rows.size(), std::size(kReplyFields<CompletionOptions>));
  for (size_t i = 0; i < rows.size(); ++i) {
    const ReplyField<CompletionOptions>& field = kReplyFields<CompletionOptions>[i];
    SCOPED_TRACE(field.name);
    EXPECT_EQ(text_at(rows[i], "name"), field.name);
    EXPECT_EQ(text_at(rows[i], "ollama"), field.ollama);
    EXPECT_EQ(text_at(rows[i], "openai"), field.openai);
    EXPECT_EQ(number(at(rows[i], "least")), field.least);
    EXPECT_EQ(number(at(rows[i], "greatest")), field.greatest);
    const std::string kind = text_at(rows[i], "kind");
    EXPECT_EQ(kind, std::visit(
                        [](const auto member) {
                          using T = std::remove_cvref_t<decltype(CompletionOptions{}.*member)>;
                          return std::is_same_v<T, bool> ? "bool" : std::is_same_v<T, double> ? "float" : "int";
                        },
                        field.member));
    std::visit(
        [&](const auto member) { EXPECT_EQ(JsonWriter().value(CompletionOptions{}.*member).take(), json_text(at(rows[i], "default"))); },
        field.member);
  }
}

TEST(Contract, Draw) {
  for (const Json& row : rows_of("draw")) {
    SCOPED_TRACE(text_at(row, "name"));
    std::vector<float> logits;
    for (const Json& logit : items(at(row, "logits"))) logits.push_back(static_cast<float>(number(logit)));
    SamplingOptions options{.temperature = static_cast<float>(number(at(row, "temperature"))), .top_k = 0, .top_p = 1, .min_p = 0};
    if (const Json* top_k = row.find("top_k")) options.top_k = static_cast<int>(number(*top_k));
    if (const Json* top_p = row.find("top_p")) options.top_p = static_cast<float>(number(*top_p));
    Sampler sampler(options, 1);
    HeadOfRow head;
    std::set<Token> drawn;
    for (uint64_t position = 0; position < 1000; ++position) {
      const auto token = sampler.sample(head(logits, sampler.need()), position);
      ASSERT_TRUE(token) << token.error().message;
      drawn.insert(*token);
    }
    std::set<Token> expected;
    for (const Json& id : items(at(row, "ids"))) expected.insert(static_cast<Token>(number(id)));
    EXPECT_EQ(drawn, expected);
  }
}

}  // namespace
}  // namespace halfbyte
