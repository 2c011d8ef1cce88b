#include "backends/prompt_format.h"

namespace halfbyte {

Result<PromptFormat> PromptFormat::of(const Engine& engine, bool raw) {
  PromptFormat format(engine);
  if (raw || engine.chat_template().empty()) return format;
  HB_TRY_INTO(format.template_, ChatTemplate::compile(engine.chat_template()));
  return format;
}

Result<std::string> PromptFormat::text(std::span<const Message> messages, std::span<const Tool> tools,
                                       std::optional<bool> enable_thinking) const {
  return template_->render(messages, {.bos_token = std::string(engine_->bos_text()),
                                      .eos_token = std::string(engine_->eos_text()),
                                      .tools = tools,
                                      .enable_thinking = enable_thinking,
                                      .local_time_s = local_clock_s()});
}

std::vector<Token> PromptFormat::encode(const std::string& text) const {
  const std::string_view bos = engine_->bos_text();
  const bool has_bos = template_ && !bos.empty() && text.starts_with(bos);  // most templates write it themselves: never twice
  return engine_->encode(text, /*add_special=*/!has_bos);
}

Result<std::vector<Token>> PromptFormat::tokens(std::span<const Message> messages) const {
  if (!template_) return encode(messages.back().content);
  HB_TRY_ASSIGN(prompt, text(messages));
  return encode(prompt);
}

}  // namespace halfbyte
