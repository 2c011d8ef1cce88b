#include "text/chat_template.h"

#include <ctime>

#include "base/errors.h"
#include "base/json.h"
#include "rust/halfbyte_rust.h"

namespace halfbyte {
namespace {

constexpr size_t kMaxSourceBytes = size_t{1} << 20;

std::string take(hb_text text) {
  std::string copy(text.bytes, text.size);
  hb_text_free(text);
  return copy;
}

// What the engine says may quote the template; it becomes one line of plain characters.
Error template_error(Code code, std::string_view kind, hb_template_reply reply) {
  const std::string why = escaped(take(reply.text), 240);
  if (reply.line == 0) return {code, fmt::format("chat template {}: {}", kind, why)};
  return {code, fmt::format("chat template {} at line {}: {}", kind, reply.line, why)};
}

// The template's variables, named as transformers names them.
std::string variables(std::span<const ChatMessage> messages, const TemplateOptions& options) {
  std::string json = R"({"messages": [)";
  for (const ChatMessage& message : messages) {
    if (&message != messages.data()) json += ", ";
    json += fmt::format(R"({{"role": {}, "content": {}}})", json_string(message.role), json_string(message.content));
  }
  return json + fmt::format(R"(], "add_generation_prompt": {}, "bos_token": {}, "eos_token": {}}})", options.add_generation_prompt,
                            json_string(options.bos_token), json_string(options.eos_token));
}

}  // namespace

void ChatTemplate::Free::operator()(hb_template* compiled) const { hb_template_free(compiled); }

Result<ChatTemplate> ChatTemplate::compile(std::string_view source) {
  if (source.size() > kMaxSourceBytes)
    return corrupt("chat template invalid: {} bytes, at most {} are read", source.size(), kMaxSourceBytes);
  hb_template* compiled = nullptr;
  const hb_template_reply reply = hb_template_compile(source.data(), source.size(), &compiled);
  if (!reply.ok) return template_error(Code::kCorrupt, "invalid", reply);
  hb_text_free(reply.text);
  return ChatTemplate(compiled);
}

Result<std::string> ChatTemplate::render(std::span<const ChatMessage> messages, const TemplateOptions& options) const {
  const std::string json = variables(messages, options);
  const hb_template_reply reply = hb_template_render(compiled_.get(), json.data(), json.size(), options.local_time_s);
  if (!reply.ok) return template_error(Code::kInvalid, "failed", reply);
  return take(reply.text);
}

int64_t local_clock_s() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  return static_cast<int64_t>(now) + local.tm_gmtoff;
}

}  // namespace halfbyte
