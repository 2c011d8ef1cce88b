// Reply options that came with a model in an Ollama store.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "halfbyte/engine.h"

namespace halfbyte {

// `parameters` is a JSON object with Ollama's names. Those this program has are set in `request`, except the options named in
// `given`, which the user chose. kCorrupt: no JSON object; kInvalid: a value out of range.
Result<void> apply_stored_defaults(std::string_view parameters, std::span<const std::string_view> given, Request& request);

}  // namespace halfbyte
