// A chat at the terminal: lines in, replies out, until the user leaves.
#pragma once

#include <filesystem>
#include <string>

#include "cli/conversation.h"
#include "halfbyte/engine.h"
#include "text/conversation.h"

namespace halfbyte {

struct ChatOptions {
  std::string model;              // as the user named it
  Request request;                // how replies are made; its prompt is filled in
  Conversation conversation;      // that it begins with
  std::filesystem::path session;  // where it is kept in the end; empty: nowhere
  bool raw = false;               // without the model's chat template
  bool parse_special = false;     // PromptOptions::parse_special
  bool verbose = false;
  // Where the speed of this machine is kept, which is measured while the chat waits for the second line. Empty: it is not.
  std::filesystem::path calibration_file;
};

// Whether messages are put in the model's chat template. kCorrupt: it has one that is none.
Result<bool> speaks_template(const Engine& engine, const ChatOptions& options);
// The conversation in the template; without one, the last message as it stands.
Result<Prompt> prompt_of(const Engine& engine, const ChatOptions& options, const Conversation& conversation);

// Returns the exit status. stdin and stdout are terminals.
Result<int> chat(Engine& engine, ChatOptions options);

}  // namespace halfbyte
