// How messages become the tokens a model is asked to continue.
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
  // Without a template: the content of the last message.
  Result<std::vector<Token>> tokens(std::span<const Message> messages) const;

 private:
  explicit PromptFormat(const Engine& engine) : engine_(&engine) {}

  const Engine* engine_;
  std::optional<ChatTemplate> template_;
};

}  // namespace halfbyte
