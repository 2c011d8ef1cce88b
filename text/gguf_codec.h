// Text <-> tokens as tokenizer.ggml.* describes it: special tokens first, the scheme between them.
#pragma once

#include <memory>

#include "text/codec.h"
#include "text/scheme.h"
#include "text/special_tokens.h"
#include "text/vocabulary.h"

namespace halfbyte {

class GgufCodec final : public Codec {
 public:
  GgufCodec(const Vocabulary& vocabulary, std::unique_ptr<const Scheme> scheme, Stripping stripping)
      : vocabulary_(vocabulary), scheme_(std::move(scheme)), specials_(vocabulary, stripping) {}

  void encode(std::string_view text, bool parse_special, std::string_view drop, std::vector<Token>& tokens) const override;
  void append_piece(Token token, bool special, std::string& bytes) const override;
  std::string decode(std::span<const Token> tokens, bool special) const override;

 private:
  const Vocabulary& vocabulary_;
  std::unique_ptr<const Scheme> scheme_;
  SpecialTokens specials_;
};

}  // namespace halfbyte
