#include "cli/chat_command.h"

#include <algorithm>

#include "base/errors.h"
#include "base/white_space.h"

namespace halfbyte {
namespace {

// The first word, taken off `text`.
std::string_view take_word(std::string_view& text) {
  const size_t end = std::min(text.find_first_of(kWhiteSpace), text.size());
  const std::string_view word = text.substr(0, end);
  text = trimmed(text.substr(end));
  return word;
}

// A value may be put in quotes, to keep its blanks or to be empty.
std::string unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  return std::string(text);
}

}  // namespace

bool is_chat_command(std::string_view line) { return line.starts_with('/'); }

Result<ChatCommand> parse_chat_command(std::string_view line) {
  using Kind = ChatCommand::Kind;
  std::string_view rest = trimmed(line);
  const std::string_view command = take_word(rest);
  if (command == "/help" || command == "/?") return ChatCommand{Kind::kHelp, {}, {}};
  if (command == "/clear") return ChatCommand{Kind::kClear, {}, {}};
  if (command == "/bye" || command == "/exit") return ChatCommand{Kind::kBye, {}, {}};
  if (command == "/system") return ChatCommand{Kind::kSystem, {}, unquoted(rest)};
  if (command == "/show") return ChatCommand{Kind::kShow, std::string(rest), {}};
  if (command == "/set") {
    std::string_view name = take_word(rest);
    if (name == "parameter") name = take_word(rest);
    if (name == "system") return ChatCommand{Kind::kSystem, {}, unquoted(rest)};
    return ChatCommand{Kind::kSet, std::string(name), unquoted(rest)};
  }
  return invalid("{} is no command here; /help lists them", escaped(command));
}

std::string_view chat_help() {
  return "/set NAME VALUE   how replies are made; /show lists the names\n"
         "/set stop TEXT    end a reply before this text; no text: do not\n"
         "/system TEXT      the system message; no text: none\n"
         "/show [parameters|model|system|template]\n"
         "/clear            forget the conversation\n"
         "/bye              leave, as Ctrl-D does\n"
         "/help             this list\n"
         "\"\"\"               begins and ends a message of several lines\n"
         "Ctrl-C            stops a reply; once more leaves\n";
}

}  // namespace halfbyte
