// How messages become the text a model continues, and its tokens.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "halfbyte/engine.h"
#include "text/chat_template.h"

namespace halfbyte {

struct Prompt {
  std::string text;
  std::vector<Token> tokens;
};

// The model's own chat templates, or none: then text is continued as it stands. Refers to the engine.
class PromptFormat {
 public:
  // `parse_special`: a control token that a message spells ("<|im_end|>") is that token, as in transformers. Else it is the
  // characters it is written in, whatever a user types; the template's own tokens are tokens always.
  static Result<PromptFormat> of(const Engine& engine, bool raw, bool parse_special = false);

  bool has_template() const { return template_.has_value() || tool_template_.has_value(); }
  // The source that these tools are rendered with: the model's template for tools, where it has one and there are some.
  const std::string& source(bool with_tools) const;
  // The messages in the template, which there must be. The errors are ChatTemplate::render's.
  Result<Prompt> prompt(std::span<const Message> messages, std::span<const Tool> tools = {},
                        std::optional<bool> enable_thinking = {}) const;
  // Tokens of a text that is continued as it stands.
  std::vector<Token> encode(const std::string& text) const;
  // The messages in the template; without one, the content of the last message.
  Result<Prompt> prompt_or_text(std::span<const Message> messages) const;
  // How the model marks what it thinks before it answers such a prompt.
  std::optional<ThinkingMarkers> thinking_markers(const Prompt& prompt, bool with_tools = false) const;

 private:
  PromptFormat(const Engine& engine, bool parse_special) : engine_(&engine), parse_special_(parse_special) {}
  std::vector<Token> encode(const std::string& text, std::string_view drop) const;

  const Engine* engine_;
  bool parse_special_;
  std::optional<ChatTemplate> template_, tool_template_;
};

}  // namespace halfbyte
