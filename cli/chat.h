// A chat at the terminal: lines in, replies out, until the user leaves.
#pragma once

#include <filesystem>
#include <string>

#include "backends/prompt_format.h"
#include "cli/conversation.h"
#include "halfbyte/engine.h"

namespace halfbyte {

struct ChatOptions {
  std::string model;              // as the user named it
  Request request;                // how replies are made; its prompt is filled in
  Conversation conversation;      // that it begins with
  std::filesystem::path session;  // where it is kept in the end; empty: nowhere
  bool raw = false;
  bool verbose = false;
  // Where the speed of this machine is kept, which is measured while the chat waits for the second line. Empty: it is not.
  std::filesystem::path calibration_file;
};

// Returns the exit status. stdin and stdout are terminals.
Result<int> chat(Engine& engine, const PromptFormat& format, ChatOptions options);

}  // namespace halfbyte
