#include "cli/model_file.h"

namespace halfbyte {

Result<Checkpoint> open_model_file(const std::string& model) {
  HB_TRY_ASSIGN(found, find_model(model));
  return open_checkpoint(found.path);
}

Result<std::unique_ptr<Tokenizer>> open_tokenizer(const std::string& model) {
  HB_TRY_ASSIGN(file, open_model_file(model));
  return Tokenizer::open(file.metadata);
}

}  // namespace halfbyte
