// A tokenizer.json as a whole: the vocabulary it spells out, the codec it describes, and the tokens that frame a text.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "formats/checkpoint.h"
#include "halfbyte/result.h"
#include "text/codec.h"
#include "text/tokenizer_json/added_tokens.h"
#include "text/tokenizer_json/post_processor.h"
#include "text/vocabulary.h"

namespace halfbyte::tokenizer_json {

constexpr std::string_view kKey = "tokenizer.huggingface.json";  // of the metadata; holds the file's whole text

class Document {
 public:
  // Strict: kCorrupt or kUnsupported name the member. Ids that neither the model nor an added token has become kUnused tokens without
  // text, and so do those from the tokenizer's last to the model's `vocab_size`, for which there are embeddings all the same.
  static Result<Document> read(const Metadata& metadata, std::vector<std::string>& warnings);

  VocabularyLists take_lists() { return std::move(lists_); }
  // The codec refers to `vocabulary`, which was made from the lists.
  Result<std::unique_ptr<const Codec>> codec(const Vocabulary& vocabulary) const;
  const Frame& frame() const { return frame_; }

 private:
  explicit Document(Json root) : root_(std::make_unique<const Json>(std::move(root))) {}
  Result<void> read_model_vocabulary(const Json& model);
  Result<void> read_added_tokens(const Json& list, uint64_t rows, std::vector<std::string>& warnings);
  Result<void> place_tokens(uint64_t rows);

  struct Entry {
    std::string text;
    uint64_t id;
  };

  std::string where_;
  std::unique_ptr<const Json> root_;
  std::string model_type_;
  std::vector<Entry> model_entries_;
  std::vector<AddedToken> added_;
  std::vector<bool> is_in_model_;  // by id
  VocabularyLists lists_;
  Frame frame_;
};

}  // namespace halfbyte::tokenizer_json
