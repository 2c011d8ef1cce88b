// A model by the name a user gives, and its file's header: enough to show it and to use its tokenizer, without its weights.
#pragma once

#include <memory>
#include <string>

#include "formats/checkpoint.h"
#include "store/model_store.h"
#include "text/tokenizer.h"

namespace halfbyte {

// `model` as find_model() takes it.
Result<Checkpoint> open_model_file(const std::string& model);
// Also from a file that holds a vocabulary and nothing else.
Result<std::unique_ptr<Tokenizer>> open_tokenizer(const std::string& model);

}  // namespace halfbyte
