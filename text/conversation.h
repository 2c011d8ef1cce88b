// Everything between a conversation and tokens, and back: what a model is asked with, and what its reply is read with.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "halfbyte/grammar.h"
#include "halfbyte/message.h"
#include "halfbyte/result.h"
#include "halfbyte/token.h"
#include "text/chat_template.h"
#include "text/reply_parser.h"
#include "text/tokenizer.h"

namespace halfbyte {

// A conversation as the model continues it. The fields named as Request's belong there.
struct Prompt {
  std::string text;
  std::vector<Token> tokens;
  std::optional<ThinkingMarkers> thinking;
  bool shows_control_tokens = false;
  std::vector<std::string> stop;  // where the next turn would begin, of a transcript
  ReplyParser reply{{}, {}};      // of which nothing has come yet
};

struct PromptOptions {
  std::span<const Tool> tools;
  std::optional<bool> enable_thinking;  // for templates that ask; absent: as the template has it
  std::string_view system;              // a system message before a conversation that has none; empty: none
  // A control token that a message spells ("<|im_end|>") is that token, as in transformers. Else it is the characters it is written
  // in, whatever a user types; the template's own tokens are tokens always.
  bool parse_special = false;
};

// How one model converses: in its chat template, the one for tools where it has one and there are some; without any, in a transcript.
// Immutable and thread-safe; a loaded model owns it. Requires: the tokenizer outlives it.
class ConversationFormat {
 public:
  // Sources in Jinja; empty: none. One that cannot be compiled is an error where it is needed: check() and prompt().
  ConversationFormat(const Tokenizer& tokenizer, std::string chat_template, std::string tool_template);

  bool has_template() const { return !chat_source_.empty() || !tool_source_.empty(); }
  bool takes_tools() const;  // the template mentions them, or there is one for them
  // The template that these tools are rendered with; may be empty.
  const std::string& source(bool with_tools = false) const;
  Result<void> check() const;  // kCorrupt: a template is none

  // The errors are check()'s, with_content()'s and ChatTemplate::render()'s.
  Result<Prompt> prompt(std::span<const Message> messages, const PromptOptions& options = {}) const;

 private:
  Result<void> render(std::vector<Message> messages, const PromptOptions& options, Prompt& into) const;
  std::vector<Token> encode(const std::string& text, std::string_view drop = {}) const;
  bool is_for_tools(bool with_tools) const { return !tool_source_.empty() && (with_tools || chat_source_.empty()); }

  const Tokenizer& tokenizer_;
  std::string chat_source_, tool_source_;
  std::optional<Result<ChatTemplate>> chat_, tools_;
};

}  // namespace halfbyte
