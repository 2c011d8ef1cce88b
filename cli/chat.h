// A chat at the terminal: lines in, replies out, until the user leaves.
#pragma once

#include <string>

#include "backends/prompt_format.h"
#include "halfbyte/engine.h"

namespace halfbyte {

struct ChatOptions {
  std::string model;  // as the user named it
  Request request;    // how replies are made; its prompt is filled in
  std::string system;
  bool raw = false;
  bool verbose = false;
};

// Returns the exit status. stdin and stdout are terminals.
Result<int> chat(Engine& engine, const PromptFormat& format, ChatOptions options);

}  // namespace halfbyte
