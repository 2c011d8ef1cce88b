// Options that came with a model in an Ollama store.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "backends/reply_options.h"

namespace halfbyte {

struct StoredDefaults {
  int context_tokens = 0;          // num_ctx; 0: not said
  std::vector<std::string> notes;  // options that change answers and are not done, one line each
};

// `parameters` is a JSON object with Ollama's names and ranges, or empty. Those this program has are set in `reply` unless the user
// chose them. kCorrupt: no JSON object, or a value of another type; kInvalid: a value out of range.
Result<StoredDefaults> apply_stored_defaults(std::string_view parameters, ChosenReply& reply);

// `context_tokens` of a model that came with them, never more than the one it was made for: Ollama cuts it so too. 0: 0.
Result<int> stored_context(const std::filesystem::path& model, int context_tokens);

}  // namespace halfbyte
