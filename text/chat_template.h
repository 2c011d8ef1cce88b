// The template of a chat model: messages -> the text that the model was trained to continue.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "halfbyte/message.h"
#include "halfbyte/result.h"

struct hb_template;

namespace halfbyte {

// Text of all messages and tools of one rendering. A million tokens are less.
constexpr size_t kMaxMessageBytes = size_t{4} << 20;

struct TemplateOptions {
  bool add_generation_prompt = true;  // end with what opens the assistant's turn
  std::string bos_token;              // the text of these tokens, as templates write them out
  std::string eos_token;
  std::span<const Tool> tools;          // functions the model may ask for
  std::optional<bool> enable_thinking;  // absent: as the template has it
  int64_t local_time_s = 0;             // since 1970-01-01 00:00 on the local clock, for templates that write the date
};

// A compiled Jinja template, as a model file carries it (tokenizer.chat_template). It comes from outside: it reaches nothing
// but the messages, and its steps, memory, output and time are bounded. Thread-safe.
class ChatTemplate {
 public:
  // kCorrupt: larger than 1 MiB, or not a template; the message says in which line.
  static Result<ChatTemplate> compile(std::string_view source);

  // `content` of a message with parts is their text (message_parts.h).
  // kTooLong: more than kMaxMessageBytes. kInvalid: the template refuses these messages (two user turns in a row, say) or runs into a limit; kInvalid too when a message
  // is not UTF-8, or a tool's parameters or a call's arguments are no JSON object. What runs into a limit fails alone: the template
  // is as it was, unless four of its renders could not be ended; then it is refused, for what they hold is lost.
  Result<std::string> render(std::span<const Message> messages, const TemplateOptions& options) const;

 private:
  struct Free {
    void operator()(hb_template* compiled) const;
  };
  explicit ChatTemplate(hb_template* compiled) : compiled_(compiled) {}
  std::unique_ptr<hb_template, Free> compiled_;
};

int64_t local_clock_s();  // now, for TemplateOptions::local_time_s

}  // namespace halfbyte
