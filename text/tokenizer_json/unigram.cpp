// Unigram (SentencePiece): of all ways to spell a word with pieces, the one whose scores add up to most. Kudo 2018.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/errors.h"
#include "base/utf8.h"
#include "text/piece_trie.h"
#include "text/tokenizer_json/word_model.h"

namespace halfbyte::tokenizer_json {
namespace {

constexpr double kUnknownPenalty = 10;  // below the least score; SentencePiece's kUnkPenalty
constexpr size_t kLongestPiece = 1024;  // bytes; bounds the time a byte of text takes

class Unigram final : public WordModel {
 public:
  Unigram(ModelTokens tokens, PieceTrie trie, std::vector<double> scores, Token unknown, bool falls_back_to_bytes)
      : tokens_(std::move(tokens)), trie_(std::move(trie)), scores_(std::move(scores)), unknown_(unknown) {
    const double least = scores_.empty() ? 0 : *std::min_element(scores_.begin(), scores_.end());
    unknown_score_ = least - kUnknownPenalty;
    if (falls_back_to_bytes) byte_tokens_ = tokenizer_json::byte_tokens(tokens_);
  }

  void encode(const Words& words, std::vector<Token>& tokens) const override {
    std::vector<Step> best;
    std::vector<Span> spans;
    for (const Word& word : words.all()) encode_word(words.text(word), best, spans, tokens);
  }

 private:
  struct Step {  // the best way to a place in the word
    double score = 0;
    uint32_t begin = kNowhere;  // of its last piece
    Token token = -1;
  };
  struct Span {
    uint32_t begin, end;
    Token token;
  };
  static constexpr uint32_t kNowhere = std::numeric_limits<uint32_t>::max();

  void encode_word(std::string_view word, std::vector<Step>& best, std::vector<Span>& spans, std::vector<Token>& tokens) const {
    best.assign(word.size() + 1, {});
    for (size_t at = 0; at < word.size();) {
      const size_t character = read_utf8(word, at).bytes;
      bool is_known = false;  // the character by itself
      const double score = best[at].score;
      const auto reach = [&](size_t end, double piece_score, Token token) {
        Step& step = best[end];
        if (step.begin == kNowhere || score + piece_score > step.score) step = {score + piece_score, static_cast<uint32_t>(at), token};
      };
      uint32_t node = PieceTrie::root();
      for (size_t end = at; end < word.size();) {
        node = trie_.child(node, static_cast<uint8_t>(word[end++]));
        if (node == PieceTrie::kNone) break;
        const uint32_t token = trie_.value(node);
        if (token == PieceTrie::kNone) continue;
        reach(end, scores_[token], static_cast<Token>(token));
        is_known = is_known || end - at == character;
      }
      if (!is_known) reach(at + character, unknown_score_, unknown_);
      at += character;
    }
    spans.clear();
    for (auto end = static_cast<uint32_t>(word.size()); end > 0; end = spans.back().begin) {
      const Step& step = best[end];
      if (step.token == unknown_ && !spans.empty() && spans.back().token == unknown_)
        spans.back().begin = step.begin;  // neighbours nobody knows are one
      else
        spans.push_back({step.begin, end, step.token});
    }
    for (size_t i = spans.size(); i-- > 0;) append(word.substr(spans[i].begin, spans[i].end - spans[i].begin), spans[i].token, tokens);
  }

  void append(std::string_view text, Token token, std::vector<Token>& tokens) const {
    if (token == unknown_) {
      if (const Token whole = tokens_.find(text); whole >= 0) {
        tokens.push_back(whole);
        return;
      }
      const auto has_none = [&](const char& c) { return byte_tokens_[static_cast<uint8_t>(c)] < 0; };
      if (!byte_tokens_.empty() && std::none_of(text.begin(), text.end(), has_none)) {
        for (const char c : text) tokens.push_back(byte_tokens_[static_cast<uint8_t>(c)]);
        return;
      }
    }
    if (token >= 0) tokens.push_back(token);
  }

  ModelTokens tokens_;
  PieceTrie trie_;
  std::vector<double> scores_;  // by id
  Token unknown_;
  double unknown_score_;
  std::vector<Token> byte_tokens_;  // of <0x00> to <0xFF>, if they are used
};

}  // namespace

Result<OpenedModel> open_unigram(Fields& fields, ModelTokens tokens, const Json::Array& pieces) {
  HB_TRY_ASSIGN(unknown, fields.count("unk_id", 0, pieces.size() - 1, UINT64_MAX));
  HB_TRY_ASSIGN(falls_back, fields.flag("byte_fallback", false));
  std::vector<double> scores;
  size_t bytes = 0;
  for (size_t i = 0; i < pieces.size(); ++i) {
    const Json& score = (*pieces[i].array())[1];
    const auto number = any_number(score);
    if (!number || !std::isfinite(*number)) return expected(fmt::format("{}[{}][1]", fields.place("vocab"), i), "a score", &score);
    scores.push_back(*number);
    const size_t size = tokens.text(static_cast<Token>(i)).size();
    if (size > kLongestPiece)
      return unsupported("{}[{}]: expected a piece of at most {} bytes, found {}", fields.place("vocab"), i, kLongestPiece, size);
    bytes += size;
  }
  if (bytes > PieceTrie::kMostBytes)
    return unsupported("{}: expected at most {} bytes of pieces, found {}", fields.place("vocab"), PieceTrie::kMostBytes, bytes);
  PieceTrie trie(bytes);
  for (size_t i = 0; i < pieces.size(); ++i)
    if (const std::string_view text = tokens.text(static_cast<Token>(i)); !text.empty()) trie.insert(text, static_cast<uint32_t>(i));
  const Token token = unknown < pieces.size() ? static_cast<Token>(unknown) : -1;
  return OpenedModel(std::make_unique<Unigram>(std::move(tokens), std::move(trie), std::move(scores), token, falls_back));
}

}  // namespace halfbyte::tokenizer_json
