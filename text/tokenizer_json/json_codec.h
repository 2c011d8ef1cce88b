// Text <-> tokens as a tokenizer.json describes it: added tokens, normalizer, added tokens of normalized text, pre-tokenizer, model;
// and back through the decoder.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "text/codec.h"
#include "text/tokenizer_json/added_tokens.h"
#include "text/tokenizer_json/decoder.h"
#include "text/tokenizer_json/normalizer.h"
#include "text/tokenizer_json/pre_tokenizer.h"
#include "text/tokenizer_json/word_model.h"
#include "text/vocabulary.h"

namespace halfbyte::tokenizer_json {

class JsonCodec final : public Codec {
 public:
  struct Parts {
    Normalizer normalizer;
    PreTokenizer pre_tokenizer;
    OpenedModel model;
    Decoder decoder;
  };
  JsonCodec(const Vocabulary& vocabulary, const std::vector<AddedToken>& added, Parts parts);

  void encode(std::string_view text, bool parse_special, std::string_view drop, std::vector<Token>& tokens) const override;
  void append_piece(Token token, bool special, std::string& bytes) const override;
  std::string decode(std::span<const Token> tokens, bool special) const override;

 private:
  void encode_plain(std::string_view text, bool opens_input, bool parse_special, std::vector<Token>& tokens) const;
  // As the decoder gets it; null: the token is no text.
  const std::string* text_of(Token token, bool special, std::string& buffer) const;

  const Vocabulary& vocabulary_;
  Parts parts_;
  AddedTokens as_they_stand_, normalized_;
  std::unordered_map<Token, std::string> normalized_texts_;  // of added tokens that the normalizer changes
};

}  // namespace halfbyte::tokenizer_json
