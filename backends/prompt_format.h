// How messages become the text a model continues, and its tokens.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "halfbyte/engine.h"
#include "text/chat_template.h"

namespace halfbyte {

// The model's own chat template, or none: then text is continued as it stands. Refers to the engine.
class PromptFormat {
 public:
  static Result<PromptFormat> of(const Engine& engine, bool raw);

  bool has_template() const { return template_.has_value(); }
  // The messages in the template, which there must be. The errors are ChatTemplate::render's.
  Result<std::string> text(std::span<const Message> messages, std::span<const Tool> tools = {},
                           std::optional<bool> enable_thinking = {}) const;
  // Tokens of text(), or of any text that is continued as it stands.
  std::vector<Token> encode(const std::string& text) const;
  // Both at once. Without a template: the content of the last message.
  Result<std::vector<Token>> tokens(std::span<const Message> messages) const;

 private:
  explicit PromptFormat(const Engine& engine) : engine_(&engine) {}

  const Engine* engine_;
  std::optional<ChatTemplate> template_;
};

}  // namespace halfbyte
