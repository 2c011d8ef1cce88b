#include "text/message_parts.h"

#include <algorithm>
#include <iterator>

#include "base/errors.h"
#include "base/json.h"

namespace halfbyte {
namespace {

Result<std::string> text_of(const Json& part, const std::string& where) {
  const Json* type = part.find("type");
  const Json* text = part.find("text");
  if (type == nullptr || type->text() == nullptr) return invalid("{}: expected a part with a type, found none", where);
  if (*type->text() != "text")
    return invalid("{}: a part of type '{}': models read text here, and no images, sounds or files", where, escaped(*type->text()));
  if (text == nullptr || text->text() == nullptr) return invalid("{}: a part of type 'text' without its text", where);
  return *text->text();
}

Result<std::string> joined(const std::string& parts, const std::string& where) {
  const auto list = parse_json(parts, where);
  if (!list) return invalid("{}", list.error().message);
  if (list->array() == nullptr) return invalid("{}: expected a JSON list of parts, found {}", where, escaped(parts, 80));
  std::string content;
  for (size_t number = 0; const Json& part : *list->array()) {
    HB_TRY_ASSIGN(text, text_of(part, fmt::format("{}[{}]", where, number)));
    content += (number++ == 0 ? "" : "\n") + text;
  }
  return content;
}

// As templates and services name the fields of a message.
constexpr std::string_view kOwnMembers[] = {"role", "content",   "reasoning_content", "thinking",
                                            "name", "tool_name", "tool_call_id",      "tool_calls"};

Result<void> check_extra(const std::string& extra, const std::string& where) {
  const auto members = parse_json(extra, where);
  if (!members) return invalid("{}", members.error().message);
  if (members->object() == nullptr) return invalid("{}: expected a JSON object of further members, found {}", where, escaped(extra, 80));
  for (const auto& [name, value] : *members->object())
    if (std::ranges::find(kOwnMembers, name) != std::end(kOwnMembers))
      return invalid("{}: '{}' is a field of its own, and no further member", where, name);
  return {};
}

}  // namespace

Result<std::vector<Message>> with_content(std::span<const Message> messages) {
  std::vector<Message> filled(messages.begin(), messages.end());
  for (size_t number = 0; Message & message : filled) {
    const std::string where = fmt::format("messages[{}]", number++);
    if (!message.extra.empty()) HB_TRY(check_extra(message.extra, where));
    if (message.parts.empty()) continue;
    if (!message.content.empty()) return invalid("{}.content: expected text or parts, found both", where);
    HB_TRY_INTO(message.content, joined(message.parts, where + ".content"));
  }
  return filled;
}

}  // namespace halfbyte
