// A Hugging Face checkpoint: a directory of config.json, safetensors files and what its tokenizer needs.
#pragma once

#include <filesystem>
#include <string_view>

#include "formats/checkpoint.h"

namespace halfbyte {

// Returns what the GGUF file converted from it would hold: GGUF's keys and names, tensors turned to GGUF's order (Turn). `weights` is
// the .safetensors file or the shard index to read; empty: the usual names. kUnsupported names the setting or the tensor.
Result<Checkpoint> open_hugging_face(const std::filesystem::path& folder, std::string_view weights, const World& world);

}  // namespace halfbyte
