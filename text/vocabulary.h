// The tokens of a model file: their texts, types and scores, and which of them mean something special.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/checkpoint.h"
#include "halfbyte/result.h"
#include "halfbyte/token.h"
#include "text/flat_index.h"
#include "text/token_type.h"

namespace halfbyte {

// A vocabulary in the making, by id.
struct VocabularyLists {
  std::vector<std::string> texts;
  std::vector<TokenType> types;
  std::vector<float> scores;  // as many, or none
};

// Texts lie one after another in one string; the index holds numbers only. Ids are 0 .. size() - 1, checked by the caller.
class Vocabulary {
 public:
  Vocabulary() { byte_tokens_.fill(-1); }         // empty
  static constexpr size_t kLongestToken = 65536;  // bytes

  // Reads tokenizer.ggml.tokens, .token_type and .scores. kCorrupt names the key, or the token, that contradicts the rest.
  static Result<Vocabulary> read(const Metadata& metadata, std::vector<std::string>& warnings);
  // `path` and `key` say in messages where the lists stood.
  static Result<Vocabulary> make(VocabularyLists lists, const std::string& path, std::string_view key, std::vector<std::string>& warnings);

  int size() const { return static_cast<int>(types_.size()); }
  bool contains(Token token) const { return token >= 0 && token < size(); }
  std::string_view text(Token token) const {
    const auto i = static_cast<size_t>(token);
    return std::string_view(texts_).substr(begins_[i], begins_[i + 1] - begins_[i]);
  }
  TokenType type(Token token) const { return types_[static_cast<size_t>(token)]; }
  void set_type(Token token, TokenType type) { types_[static_cast<size_t>(token)] = type; }
  bool has_scores() const { return !scores_.empty(); }
  float score(Token token) const { return scores_[static_cast<size_t>(token)]; }
  size_t longest() const { return longest_; }  // bytes

  // The token with this text; of several the first.
  std::optional<Token> find(std::string_view text) const {
    const auto item = index_.find(hash_of(text), [&](uint32_t i) { return this->text(static_cast<Token>(i)) == text; });
    if (!item) return std::nullopt;
    return static_cast<Token>(*item);
  }
  // The token <0xNN> of type kByte, and the byte that such a token spells; -1: there is none.
  Token byte_token(uint8_t byte) const { return byte_tokens_[byte]; }
  int byte_of(Token token) const { return byte_of_text(text(token)); }

 private:
  static int byte_of_text(std::string_view text);
  Result<void> find_byte_tokens(const std::string& path, std::string_view key);

  std::string texts_;
  std::vector<uint32_t> begins_;  // size() + 1
  std::vector<TokenType> types_;
  std::vector<float> scores_;  // empty: the file has none
  FlatIndex index_;
  std::array<Token, 256> byte_tokens_;
  size_t longest_ = 0;
};

}  // namespace halfbyte
