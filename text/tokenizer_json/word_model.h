// "model" of a tokenizer.json: how a word becomes tokens.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "halfbyte/result.h"
#include "text/tokenizer_json/fields.h"
#include "text/tokenizer_json/model_tokens.h"
#include "text/tokenizer_json/words.h"

namespace halfbyte::tokenizer_json {

// Immutable and thread-safe; refers to the Vocabulary it was opened with.
class WordModel {
 public:
  virtual ~WordModel() = default;
  virtual void encode(const Words& words, std::vector<Token>& tokens) const = 0;
};

using OpenedModel = std::unique_ptr<const WordModel>;

// `fields` are those of "model"; "type" and "vocab" have been read. `is_bytes`: words are bytes, and the vocabulary writes them as
// printable characters.
Result<OpenedModel> open_bpe(Fields& fields, ModelTokens tokens, bool is_bytes);
Result<OpenedModel> open_unigram(Fields& fields, ModelTokens tokens, const Json::Array& pieces);
Result<OpenedModel> open_word_piece(Fields& fields, ModelTokens tokens);
Result<OpenedModel> open_word_level(Fields& fields, ModelTokens tokens);

// The token <0xNN> of each byte; -1: there is none.
std::vector<Token> byte_tokens(const ModelTokens& tokens);

}  // namespace halfbyte::tokenizer_json
