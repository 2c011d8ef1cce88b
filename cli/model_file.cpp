#include "cli/model_file.h"

#include "base/errors.h"

namespace halfbyte {

Result<Checkpoint> open_model_file(const std::string& model) {
  HB_TRY_ASSIGN(found, find_model(model));
  return open_checkpoint(found.path);
}

Result<std::unique_ptr<Tokenizer>> open_tokenizer(const std::string& model) {
  HB_TRY_ASSIGN(file, open_model_file(model));
  HB_TRY_ASSIGN(tokenizer, Tokenizer::open(file.metadata));
  if (!tokenizer->has_text()) return unsupported("{}: the model has no tokenizer: it knows token ids only, no text", model);
  return tokenizer;
}

}  // namespace halfbyte
