#include "backends/prompt_format.h"

namespace halfbyte {

Result<PromptFormat> PromptFormat::of(const Engine& engine, bool raw) {
  PromptFormat format(engine);
  if (raw || engine.chat_template().empty()) return format;
  HB_TRY_ASSIGN(compiled, ChatTemplate::compile(engine.chat_template()));
  format.template_ = std::move(compiled);
  return format;
}

Result<std::vector<Token>> PromptFormat::tokens(std::span<const Message> messages) const {
  if (!template_) return engine_->encode(messages.back().content, /*add_special=*/true);
  const std::string bos(engine_->bos_text());
  const TemplateOptions options{.bos_token = bos, .eos_token = std::string(engine_->eos_text()), .local_time_s = local_clock_s()};
  HB_TRY_ASSIGN(text, template_->render(messages, options));
  const bool has_bos = !bos.empty() && text.starts_with(bos);  // most templates write it themselves: never twice
  return engine_->encode(text, /*add_special=*/!has_bos);
}

}  // namespace halfbyte
