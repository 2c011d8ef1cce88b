#include "models/model.h"

#include <new>

#include "base/errors.h"
#include "base/process_memory.h"
#include "models/limits.h"
#include "models/load_weights.h"

namespace halfbyte {

namespace {

// Rows of the embedding table: a token each; without a list of tokens, as many as the model says.
Result<int> vocabulary_size(const Metadata& metadata, std::string_view architecture) {
  HB_TRY_ASSIGN(tokens, metadata.strings("tokenizer.ggml.tokens"));
  if (tokens != nullptr) return static_cast<int>(tokens->size());
  HB_TRY_ASSIGN(size, metadata.unsigned_integer_or(fmt::format("{}.vocab_size", architecture), 1, limits::kVocabulary, 0));
  return static_cast<int>(size);
}

Result<Model> load(const std::filesystem::path& path, ThreadPool& pool, const World& world, uint64_t most_bytes) {
  HB_TRY_ASSIGN(checkpoint, open_checkpoint(path, world));
  Model model;
  model.path = path.string();
  HB_TRY_INTO(model.architecture, checkpoint.metadata.text("general.architecture"));
  HB_TRY_INTO(model.name, checkpoint.metadata.text_or("general.name", ""));
  HB_TRY_ASSIGN(chat_template, checkpoint.metadata.text_or("tokenizer.chat_template", ""));
  HB_TRY_ASSIGN(tool_template, checkpoint.metadata.text_or("tokenizer.chat_template.tool_use", ""));
  // The architecture first: "unknown architecture" must not hide behind an odd vocabulary.
  HB_TRY_ASSIGN(vocabulary, vocabulary_size(checkpoint.metadata, model.architecture));
  model.warnings = checkpoint.warnings;
  HB_TRY_INTO(model.formula, make_formula(checkpoint.metadata, vocabulary, model.warnings));
  HB_TRY_INTO(model.tokenizer, Tokenizer::open(checkpoint.metadata));
  for (const std::string& warning : model.tokenizer->warnings()) model.warnings.push_back(warning);
  model.conversation = std::make_unique<ConversationFormat>(*model.tokenizer, std::move(chat_template), std::move(tool_template));
  WeightList list(checkpoint);
  model.formula->weights(list);
  HB_TRY_INTO(model.weights, load_weights(checkpoint, list, pool, world, most_bytes, model.warnings));
  for (const WeightList::Entry& entry : list.entries())
    if (entry.matrix != nullptr && *entry.matrix && entry.shape.size() == 2)
      model.matrices.push_back({entry.name, entry.first, entry.shape[0], *entry.matrix});
  return model;
}

}  // namespace

Result<Model> load_model(const std::filesystem::path& path, ThreadPool& pool, const World& world, uint64_t most_bytes) {
  try {
    auto model = load(path, pool, world, most_bytes);
    return_freed_memory();  // the file's metadata: of a large vocabulary, tens of megabytes
    return model;
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
}

}  // namespace halfbyte
