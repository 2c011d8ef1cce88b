#include "backends/answer.h"

#include <climits>
#include <cmath>

#include "backends/answer_text.h"
#include "backends/json_members.h"
#include "base/errors.h"
#include "base/white_space.h"

namespace halfbyte {
namespace {

constexpr size_t kMostShownCharacters = 200;
const Json kNoObject{Json::Object{}};
const Json::Array kNoList;

std::optional<double> number_in(const Json& value) {
  if (const auto* number = std::get_if<int64_t>(&value.value)) return static_cast<double>(*number);
  if (const auto* number = std::get_if<uint64_t>(&value.value)) return static_cast<double>(*number);
  if (const auto* number = std::get_if<double>(&value.value); number != nullptr && std::isfinite(*number)) return *number;
  return std::nullopt;
}

bool is_something(const Json& error) {
  if (const auto* text = error.text()) return !text->empty();
  if (const auto* array = error.array()) return !array->empty();
  if (const auto* object = error.object()) return !object->empty();
  if (const auto* fact = std::get_if<bool>(&error.value)) return *fact;
  return number_in(error).value_or(0) != 0;
}

bool is_word(const Json* value, std::string_view word) { return value != nullptr && value->text() != nullptr && *value->text() == word; }

Error unlike(std::string_view path, std::string_view key, std::string_view expected, const Json& value) {
  return corrupt("{}{}: expected {}, found {}", path, key, expected, found(value));
}

// A call's arguments, an object or text that holds one; nothing is none.
Result<std::string> read_arguments(const Json* value, const std::string& path, size_t number) {
  if (is_nothing(value)) return std::string("{}");
  const auto refused = [&] {
    return corrupt("{}.function.arguments: arguments of tool call {} are no object, found {}", path, number, found(*value));
  };
  if (value->object() != nullptr) return json_text(whole(*value));
  const std::string* text = value->text();
  if (text == nullptr) return refused();
  if (is_blank(*text)) return std::string("{}");
  auto parsed = parse_loose_json(whole(std::string_view(*text)));
  if (!parsed) return refused();
  if (is_nothing(&*parsed)) return std::string("{}");
  if (parsed->object() == nullptr) return refused();
  return json_text(whole(std::move(*parsed)));
}

}  // namespace

Result<Json> parse_answer(std::string_view text) {
  if (is_blank(text)) return corrupt("the answer is empty");
  auto answer = parse_loose_json(text);
  if (!answer) return corrupt("the answer is not JSON: {}", shown(text));
  if (answer->object() == nullptr) return corrupt("expected a JSON object, found {}", shown(text));
  HB_TRY(refuse_error(*answer));
  return answer;
}

Result<void> refuse_error(const Json& answer) {
  if (const Json* error = error_in(answer)) return io_error("{}", error_message(*error));
  return {};
}

std::string error_message(const Json& error) {
  if (error.text() != nullptr) return whole(std::string_view(*error.text()));
  const Json* message = error.find("message");
  if (message != nullptr && message->text() != nullptr && !message->text()->empty()) return whole(std::string_view(*message->text()));
  return json_text(whole(error));
}

const Json* error_in(const Json& answer) {
  const Json* error = answer.find("error");
  if (error != nullptr && is_something(*error)) return error;
  return is_word(answer.find("object"), "error") || is_word(answer.find("type"), "error") ? &answer : nullptr;
}

std::string shown(std::string_view text) { return fmt::format("'{}'", escaped(text, kMostShownCharacters)); }
std::string shown(const Json& answer) { return shown(std::string_view(json_text(whole(answer)))); }

std::string found(const Json& value) {
  if (is_nothing(&value)) return "null";
  if (const auto* fact = std::get_if<bool>(&value.value)) return *fact ? "true" : "false";
  if (const auto* text = value.text()) return fmt::format("'{}'", escaped(whole(std::string_view(*text))));
  if (value.array() != nullptr) return "a list";
  return value.object() != nullptr ? "an object" : "a number";
}

bool is_nothing(const Json* member) { return member == nullptr || std::holds_alternative<std::nullptr_t>(member->value); }

Result<const Json*> object_at(const Json& answer, std::string_view key, std::string_view path) {
  const Json* value = answer.find(key);
  if (is_nothing(value)) return &kNoObject;
  if (value->object() == nullptr) return unlike(path, key, "an object", *value);
  return value;
}

Result<const Json::Array*> list_at(const Json& answer, std::string_view key, std::string_view path) {
  const Json* value = answer.find(key);
  if (is_nothing(value)) return &kNoList;
  if (value->array() == nullptr) return unlike(path, key, "a list", *value);
  return value->array();
}

Result<std::string> word_at(const Json& answer, std::string_view key, std::string_view path) {
  const Json* value = answer.find(key);
  if (is_nothing(value)) return std::string();
  if (value->text() == nullptr) return unlike(path, key, "text", *value);
  return *value->text();
}

Result<std::optional<double>> number_at(const Json& answer, std::string_view key, std::string_view path) {
  const Json* value = answer.find(key);
  if (is_nothing(value)) return std::optional<double>();
  std::optional<double> number = number_in(*value);
  if (value->text() != nullptr)
    if (const auto parsed = parse_loose_json(*value->text())) number = number_in(*parsed);
  if (!number) return unlike(path, key, "a number", *value);
  return number;
}

Result<std::optional<int>> count_at(const Json& answer, std::string_view key, std::string_view path) {
  HB_TRY_ASSIGN(number, number_at(answer, key, path));
  if (!number) return std::optional<int>();
  if (std::trunc(*number) != *number) return corrupt("{}{}: expected a whole number, found {}", path, key, *number);
  // Some services write -1 where they do not know.
  return *number < 0 || *number > INT_MAX ? std::optional<int>() : std::optional(static_cast<int>(*number));
}

Result<bool> flag_at(const Json& answer, std::string_view key, std::string_view path) {
  const Json* value = answer.find(key);
  if (is_nothing(value)) return false;
  if (const auto* fact = std::get_if<bool>(&value->value)) return *fact;
  if (const auto number = number_in(*value); number && (*number == 0 || *number == 1)) return *number == 1;
  if (is_word(value, "true") || is_word(value, "false")) return is_word(value, "true");
  return unlike(path, key, "true or false", *value);
}

Result<std::string> prose_at(const Json& answer, std::string_view key, std::string_view path) {
  Turn turn;
  HB_TRY(turn.read(answer.find(key), fmt::format("{}{}", path, key)));
  return turn.thinking + turn.content + turn.refusal;
}

Result<void> Turn::read(const Json* value, const std::string& path) {
  if (is_nothing(value)) return {};
  if (const auto* text = value->text()) {
    content += *text;
    return {};
  }
  if (value->object() != nullptr) return read_part(*value, path);
  if (value->array() == nullptr) return unlike(path, "", "text", *value);
  for (size_t number = 0; const Json& part : *value->array()) HB_TRY(read(&part, fmt::format("{}[{}]", path, number++)));
  return {};
}

Result<void> Turn::read_part(const Json& part, const std::string& path) {
  const std::string inside = path + ".";
  HB_TRY_ASSIGN(kind, word_at(part, "type", inside));
  if (kind == "text" || kind == "output_text" || (kind.empty() && part.find("text") != nullptr))
    return read(part.find("text"), inside + "text");
  if (kind == "thinking" || kind == "reasoning") {
    HB_TRY_ASSIGN(text, prose_at(part, part.find(kind) != nullptr ? kind : "text", inside));
    thinking += text;
    return {};
  }
  if (kind != "refusal") return corrupt("{}: expected text, found a part of the type '{}'", path, escaped(whole(std::string_view(kind))));
  HB_TRY_ASSIGN(text, prose_at(part, "refusal", inside));
  refusal += text;
  return {};
}

Result<std::string> call_id_of(const Json& call, const std::string& path) {
  const Json* id = call.find("id");
  if (id != nullptr)
    if (const auto* number = std::get_if<int64_t>(&id->value)) return std::to_string(*number);
  return word_at(call, "id", path + ".");
}

Result<ToolCall> read_call(const Json& call, const std::string& path, size_t number) {
  if (call.object() == nullptr) return corrupt("{}: tool call {} is no object, found {}", path, number, found(call));
  HB_TRY_ASSIGN(function, object_at(call, "function", path + "."));
  HB_TRY_ASSIGN(name, word_at(*function, "name", path + ".function."));
  if (name.empty()) return corrupt("{}.function.name: tool call {} names no function", path, number);
  HB_TRY_ASSIGN(arguments, read_arguments(function->find("arguments"), path, number));
  HB_TRY_ASSIGN(id, call_id_of(call, path));
  return ToolCall{.name = whole(std::string_view(name)),
                  .arguments = std::move(arguments),
                  .call_id = id.empty() ? fmt::format("call_{}", number) : whole(std::string_view(id))};
}

}  // namespace halfbyte
