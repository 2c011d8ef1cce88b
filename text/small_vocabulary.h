// Vocabularies made by hand, small enough to reason about.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "formats/checkpoint.h"
#include "text/byte_level.h"

namespace halfbyte {

// A file's metadata in the making; tokens are appended with their types.
class SmallVocabulary {
 public:
  explicit SmallVocabulary(std::string model) : model_(std::move(model)) {}
  SmallVocabulary& add(std::string text, int type = 1, double score = 0) {
    texts_.push_back(std::move(text));
    types_.push_back(type);
    scores_.push_back(score);
    return *this;
  }
  SmallVocabulary& merge(std::string line) {
    merges_.push_back(std::move(line));
    return *this;
  }
  SmallVocabulary& set(std::string key, MetadataValue value) {
    others_.emplace_back(std::move(key), std::move(value));
    return *this;
  }
  operator Metadata() const {  // NOLINT: implicit by design
    Metadata metadata("small.gguf");
    for (const auto& [key, value] : others_) metadata.insert(key, value);  // the first stays: set() replaces what follows
    metadata.insert("tokenizer.ggml.model", model_);
    metadata.insert("tokenizer.ggml.tokens", texts_);
    metadata.insert("tokenizer.ggml.token_type", types_);
    if (model_ == "llama") metadata.insert("tokenizer.ggml.scores", scores_);
    if (model_ == "gpt2") {
      metadata.insert("tokenizer.ggml.pre", std::string("gpt-2"));
      metadata.insert("tokenizer.ggml.merges", merges_);
    }
    return metadata;
  }

 private:
  std::string model_;
  std::vector<std::string> texts_, merges_;
  std::vector<int64_t> types_;
  std::vector<double> scores_;
  std::vector<std::pair<std::string, MetadataValue>> others_;
};

// Byte-level BPE whose tokens 0 .. 255 are the bytes.
inline SmallVocabulary byte_vocabulary() {
  SmallVocabulary vocabulary("gpt2");
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    std::string text;
    append_byte_level({&c, 1}, text);
    vocabulary.add(std::move(text));
  }
  return vocabulary;
}

}  // namespace halfbyte
