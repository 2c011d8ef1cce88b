// A chat at the terminal: lines in, replies out, until the user leaves.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "cli/conversation.h"
#include "halfbyte/backend.h"
#include "halfbyte/engine.h"
#include "text/conversation.h"

namespace halfbyte {

struct ChatOptions {
  std::string model;              // as the user named it
  Request request;                // how replies are made; its prompt is filled in
  Conversation conversation;      // that it begins with
  std::filesystem::path session;  // where it is kept in the end; empty: nowhere
  bool raw = false;               // each message is continued as it stands, and so is what the model says
  bool parse_special = false;     // PromptOptions::parse_special
  std::optional<bool> thinks;     // PromptOptions::enable_thinking
  bool shows_thoughts = false;
  bool verbose = false;
  Overflow overflow = Overflow::kError;
  // Where the speed of this machine is kept, which is measured while the chat waits for the second line. Empty: it is not.
  std::filesystem::path calibration_file;
};

// A question to the model: the request, and what its reply is read with; `raw`: with nothing.
struct Question {
  Request request;
  std::optional<ReplyParser> reader;
};
// With ChatOptions::overflow the conversation forgets what leaves no quarter of the context for the reply, and that is said.
Result<Question> question_of(const Engine& engine, const ChatOptions& options, Conversation& conversation);

// Returns the exit status. stdin and stdout are terminals.
Result<int> chat(Engine& engine, ChatOptions options);

}  // namespace halfbyte
