#include "text/conversation.h"

#include <algorithm>

#include "base/errors.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "text/codec.h"
#include "text/message_parts.h"
#include "text/transcript.h"

namespace halfbyte {
namespace {

// A conversation whose texts can be changed.
struct Turns {
  std::vector<Message> messages;
  std::vector<Tool> tools;

  template <class Change>
  void each_text(const Change& change) {
    for (Message& message : messages) {
      for (std::string* text :
           {&message.role, &message.content, &message.thinking, &message.tool_name, &message.call_id, &message.parts, &message.extra})
        change(*text);
      for (ToolCall& call : message.tool_calls)
        for (std::string* text : {&call.name, &call.arguments, &call.call_id}) change(*text);
    }
    for (Tool& tool : tools)
      for (std::string* text : {&tool.name, &tool.description, &tool.parameters, &tool.definition}) change(*text);
  }
  template <class Change>
  void each_json(const Change& change) {
    for (Message& message : messages) {
      for (std::string* text : {&message.parts, &message.extra}) change(*text);
      for (ToolCall& call : message.tool_calls) change(call.arguments);
    }
    for (Tool& tool : tools)
      for (std::string* text : {&tool.parameters, &tool.definition}) change(*text);
  }
};

// In JSON a token may hide behind escapes ("\u003c|im_end|>"). What is no JSON is refused later, with its name.
void write_plainly(std::string& json) {
  if (json.find('\\') == std::string::npos) return;
  if (const auto parsed = parse_json(json, "JSON")) json = json_text(*parsed);
}

// One of Unicode's noncharacters, which no text should hold: the first that these do not.
Result<std::string> unused_mark(Turns& turns) {
  for (char last = '\x90'; last <= '\xaf'; ++last) {
    std::string mark = {'\xef', '\xb7', last};  // U+FDD0 to U+FDEF
    bool is_used = false;
    turns.each_text([&](const std::string& text) { is_used = is_used || text.find(mark) != std::string::npos; });
    if (!is_used) return mark;
  }
  return invalid("messages: every noncharacter from U+FDD0 to U+FDEF occurs in them");
}

std::optional<Result<ChatTemplate>> compiled(const std::string& source) {
  if (source.empty()) return {};
  return ChatTemplate::compile(source);
}

}  // namespace

ConversationFormat::ConversationFormat(const Tokenizer& tokenizer, std::string chat_template, std::string tool_template)
    : tokenizer_(tokenizer),
      chat_source_(std::move(chat_template)),
      tool_source_(std::move(tool_template)),
      chat_(compiled(chat_source_)),
      tools_(compiled(tool_source_)) {}

bool ConversationFormat::takes_tools() const {
  return check() && (!tool_source_.empty() || chat_source_.find("tools") != std::string::npos);
}

const std::string& ConversationFormat::source(bool with_tools) const { return is_for_tools(with_tools) ? tool_source_ : chat_source_; }

Result<void> ConversationFormat::check() const {
  for (const auto* one : {&chat_, &tools_})
    if (*one && !**one) return (*one)->error();
  return {};
}

Result<Prompt> ConversationFormat::prompt(std::span<const Message> messages, const PromptOptions& options) const {
  HB_TRY(check());
  HB_TRY_ASSIGN(turns, with_content(messages));
  const auto instructs = [](const Message& turn) { return turn.role == "system" || turn.role == "developer"; };
  if (!options.system.empty() && std::ranges::none_of(turns, instructs))
    turns.insert(turns.begin(), {.role = "system", .content = std::string(options.system)});
  size_t calls = 0;
  for (const Message& turn : turns) calls += turn.tool_calls.size();
  Prompt prompt;
  if (has_template()) {
    const std::string& format = source(!options.tools.empty());
    HB_TRY(render(std::move(turns), options, prompt));
    prompt.thinking = ReplyParser::thinking_markers(format, prompt.text);
    prompt.shows_control_tokens = ReplyParser::expects_markers(format, options.tools);
    prompt.reply = ReplyParser(format, options.tools, prompt.text);
  } else {
    prompt.text = transcript(turns);
    prompt.tokens = encode(prompt.text);
    prompt.stop = {std::string(kNextTurn)};
    prompt.reply.drop_space();
  }
  prompt.reply.number_calls_from(calls + 1);
  return prompt;
}

Result<void> ConversationFormat::render(std::vector<Message> messages, const PromptOptions& options, Prompt& into) const {
  const ChatTemplate& chosen = **(is_for_tools(!options.tools.empty()) ? tools_ : chat_);
  const auto text = [&](std::span<const Message> turns, std::span<const Tool> tools) {
    return chosen.render(turns, {.bos_token = std::string(tokenizer_.bos_text()),
                                 .eos_token = std::string(tokenizer_.eos_text()),
                                 .tools = tools,
                                 .enable_thinking = options.enable_thinking,
                                 .local_time_s = local_clock_s()});
  };
  if (options.parse_special) {
    HB_TRY_INTO(into.text, text(messages, options.tools));
    into.tokens = encode(into.text);
    return {};
  }
  Turns turns{std::move(messages), {options.tools.begin(), options.tools.end()}};
  HB_TRY_ASSIGN(mark, unused_mark(turns));
  turns.each_json(write_plainly);
  turns.each_text([&](std::string& said) { said = tokenizer_.spelled_apart(said, mark); });
  HB_TRY_ASSIGN(marked, text(turns.messages, turns.tools));
  into.tokens = encode(marked, mark);
  std::string buffer;
  into.text = without(marked, mark, buffer);
  return {};
}

std::vector<Token> ConversationFormat::encode(const std::string& text, std::string_view drop) const {
  const std::string_view bos = tokenizer_.bos_text();
  const bool has_bos = has_template() && !bos.empty() && text.starts_with(bos);  // most templates write it themselves: never twice
  return tokenizer_.encode(text, {.add_special = !has_bos, .parse_special = true, .drop = drop});
}

}  // namespace halfbyte
