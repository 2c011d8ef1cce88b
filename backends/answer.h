// What services answer, read field by field: taken where its meaning is clear, else refused with its path (kCorrupt). The Python
// package reads the same way (inference/_answer.py); tests/contract holds both to the same rows.
// `path` is what stands before a field's name in a message, with its dot: "choices[0].message.".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "halfbyte/message.h"

namespace halfbyte {

// A JSON object that is no error message. kIo: it is one; the message is the service's own.
Result<Json> parse_answer(std::string_view text);
Result<void> refuse_error(const Json& answer);
// The sentence in an `error` field, which services write as a string or as an object with a message.
std::string error_message(const Json& error);
// What says that something failed: an `error` that is something, or an answer that is one itself. Null where nothing does.
const Json* error_in(const Json& answer);

// Of an answer that is not understood, as much as a message may show.
std::string shown(std::string_view text);
std::string shown(const Json& answer);
std::string found(const Json& value);  // a value as a message names it

bool is_nothing(const Json* member);  // absent or null

// Of these, absent and null are nothing: an empty object, an empty list, "", none, false.
Result<const Json*> object_at(const Json& answer, std::string_view key, std::string_view path);
Result<const Json::Array*> list_at(const Json& answer, std::string_view key, std::string_view path);
Result<std::string> word_at(const Json& answer, std::string_view key, std::string_view path);              // text that is no prose
Result<std::optional<double>> number_at(const Json& answer, std::string_view key, std::string_view path);  // or text that is one
Result<std::optional<int>> count_at(const Json& answer, std::string_view key, std::string_view path);      // none below 0, too
Result<bool> flag_at(const Json& answer, std::string_view key, std::string_view path);
Result<std::string> prose_at(const Json& answer, std::string_view key, std::string_view path);  // whatever its parts are

// What one answer, or one event of a stream, says. Texts may hold halves of characters (answer_text.h).
struct Turn {
  std::string content, thinking, refusal;

  // Adds a field of prose: text, a part of content, or a list of both.
  Result<void> read(const Json* value, const std::string& path);

 private:
  Result<void> read_part(const Json& part, const std::string& path);
};

// "" for none. A number names a call as well as text does.
Result<std::string> call_id_of(const Json& call, const std::string& path);
// One of an answer's `tool_calls`; `number` makes an id where there is none.
Result<ToolCall> read_call(const Json& call, const std::string& path, size_t number);

}  // namespace halfbyte
