#include "backends/prompt_format.h"

#include "base/errors.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "text/codec.h"
#include "text/reply_parser.h"

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

}  // namespace

Result<PromptFormat> PromptFormat::of(const Engine& engine, bool raw, bool parse_special) {
  PromptFormat format(engine, parse_special);
  const auto compile = [](const std::string& source, std::optional<ChatTemplate>& into) -> Result<void> {
    if (source.empty()) return {};
    HB_TRY_ASSIGN(compiled, ChatTemplate::compile(source));
    into = std::move(compiled);
    return {};
  };
  if (raw) return format;
  HB_TRY(compile(engine.chat_template(), format.template_));
  HB_TRY(compile(engine.tool_template(), format.tool_template_));
  return format;
}

const std::string& PromptFormat::source(bool with_tools) const {
  return tool_template_ && (with_tools || !template_) ? engine_->tool_template() : engine_->chat_template();
}

Result<Prompt> PromptFormat::prompt(std::span<const Message> messages, std::span<const Tool> tools,
                                    std::optional<bool> enable_thinking) const {
  const bool for_tools = tool_template_ && (!tools.empty() || !template_);
  const auto render = [&](std::span<const Message> turns, std::span<const Tool> functions) {
    return (for_tools ? tool_template_ : template_)
        ->render(turns, {.bos_token = std::string(engine_->bos_text()),
                         .eos_token = std::string(engine_->eos_text()),
                         .tools = functions,
                         .enable_thinking = enable_thinking,
                         .local_time_s = local_clock_s()});
  };
  if (parse_special_) {
    HB_TRY_ASSIGN(text, render(messages, tools));
    std::vector<Token> ids = encode(text);
    return Prompt{std::move(text), std::move(ids)};
  }
  Turns turns{{messages.begin(), messages.end()}, {tools.begin(), tools.end()}};
  HB_TRY_ASSIGN(mark, unused_mark(turns));
  turns.each_json(write_plainly);
  turns.each_text([&](std::string& text) { text = engine_->spelled_apart(text, mark); });
  HB_TRY_ASSIGN(marked, render(turns.messages, turns.tools));
  std::vector<Token> ids = encode(marked, mark);
  std::string buffer;
  return Prompt{std::string(without(marked, mark, buffer)), std::move(ids)};
}

std::vector<Token> PromptFormat::encode(const std::string& text) const { return encode(text, {}); }

std::vector<Token> PromptFormat::encode(const std::string& text, std::string_view drop) const {
  const std::string_view bos = engine_->bos_text();
  const bool has_bos = has_template() && !bos.empty() && text.starts_with(bos);  // most templates write it themselves: never twice
  return engine_->encode(text, /*add_special=*/!has_bos, /*parse_special=*/true, drop);
}

Result<Prompt> PromptFormat::prompt_or_text(std::span<const Message> messages) const {
  if (has_template()) return prompt(messages);
  const std::string& text = messages.back().content;
  return Prompt{.text = text, .tokens = encode(text)};
}

std::optional<ThinkingMarkers> PromptFormat::thinking_markers(const Prompt& prompt, bool with_tools) const {
  if (!has_template()) return {};
  return ReplyParser::thinking_markers(source(with_tools), prompt.text);
}

}  // namespace halfbyte
