// A model file's header, read without its weights: enough to show it and to use its tokenizer.
#pragma once

#include <memory>
#include <string>

#include "formats/checkpoint.h"
#include "text/tokenizer.h"

namespace halfbyte {

// `model` is a path or a name that the store knows. kNotFound says where it was looked for.
Result<Checkpoint> open_model_file(const std::string& model);
// Also from a file that holds a vocabulary and nothing else.
Result<std::unique_ptr<Tokenizer>> open_tokenizer(const std::string& model);

}  // namespace halfbyte
