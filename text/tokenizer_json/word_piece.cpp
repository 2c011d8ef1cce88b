// WordPiece (BERT): the longest piece that begins the word, then the longest of those that go on; WordLevel: whole words only.
#include "base/errors.h"
#include "base/utf8.h"
#include "text/piece_trie.h"
#include "text/tokenizer_json/word_model.h"

namespace halfbyte::tokenizer_json {
namespace {

constexpr uint64_t kLongestWord = 10000;  // characters

class WordPiece final : public WordModel {
 public:
  WordPiece(ModelTokens tokens, PieceTrie trie, uint32_t inner_root, Token unknown, uint64_t longest_word)
      : tokens_(std::move(tokens)), trie_(std::move(trie)), inner_root_(inner_root), unknown_(unknown), longest_word_(longest_word) {}

  void encode(const Words& words, std::vector<Token>& tokens) const override {
    for (const Word& word : words.all()) {
      const size_t before = tokens.size();
      if (spell(words.text(word), tokens)) continue;
      tokens.resize(before);  // one part that no piece spells makes the whole word unknown
      if (unknown_ >= 0) tokens.push_back(unknown_);
    }
  }

 private:
  bool spell(std::string_view word, std::vector<Token>& tokens) const {
    uint64_t characters = 0;
    for (size_t at = 0; at < word.size(); at += read_utf8(word, at).bytes)
      if (++characters > longest_word_) return false;
    for (size_t at = 0; at < word.size();) {
      uint32_t node = at == 0 ? PieceTrie::root() : inner_root_;
      uint32_t token = PieceTrie::kNone;
      size_t stop = at;
      for (size_t end = at; end < word.size() && node != PieceTrie::kNone;) {
        node = trie_.child(node, static_cast<uint8_t>(word[end++]));
        if (node == PieceTrie::kNone || trie_.value(node) == PieceTrie::kNone) continue;
        token = trie_.value(node);
        stop = end;
      }
      if (token == PieceTrie::kNone) return false;
      tokens.push_back(static_cast<Token>(token));
      at = stop;
    }
    return true;
  }

  ModelTokens tokens_;
  PieceTrie trie_;
  uint32_t inner_root_;  // after the mark of pieces that go on; kNone: there are none
  Token unknown_;
  uint64_t longest_word_;
};

class WordLevel final : public WordModel {
 public:
  WordLevel(ModelTokens tokens, Token unknown) : tokens_(std::move(tokens)), unknown_(unknown) {}

  void encode(const Words& words, std::vector<Token>& tokens) const override {
    for (const Word& word : words.all()) {
      const Token token = tokens_.find(words.text(word));
      if (token >= 0 || unknown_ >= 0) tokens.push_back(token >= 0 ? token : unknown_);
    }
  }

 private:
  ModelTokens tokens_;
  Token unknown_;
};

}  // namespace

Result<OpenedModel> open_word_piece(Fields& fields, ModelTokens tokens) {
  HB_TRY_ASSIGN(unknown, fields.text("unk_token"));
  HB_TRY_ASSIGN(prefix, fields.text("continuing_subword_prefix"));
  HB_TRY_ASSIGN(longest_word, fields.count("max_input_chars_per_word", 1, kLongestWord));
  size_t bytes = 0;
  for (Token token = 0; token < tokens.size(); ++token) bytes += tokens.contains(token) ? tokens.text(token).size() : 0;
  if (bytes > PieceTrie::kMostBytes)
    return unsupported("{}: expected at most {} bytes of pieces, found {}", fields.place("vocab"), PieceTrie::kMostBytes, bytes);
  PieceTrie trie(bytes);
  for (Token token = 0; token < tokens.size(); ++token)
    if (tokens.contains(token) && !tokens.text(token).empty()) trie.insert(tokens.text(token), static_cast<uint32_t>(token));
  const uint32_t inner_root = trie.find(prefix);
  const Token id = tokens.find(unknown);
  return OpenedModel(std::make_unique<WordPiece>(std::move(tokens), std::move(trie), inner_root, id, longest_word));
}

Result<OpenedModel> open_word_level(Fields& fields, ModelTokens tokens) {
  HB_TRY_ASSIGN(unknown, fields.text("unk_token"));
  const Token id = tokens.find(unknown);
  return OpenedModel(std::make_unique<WordLevel>(std::move(tokens), id));
}

}  // namespace halfbyte::tokenizer_json
