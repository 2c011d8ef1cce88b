// SentencePiece BPE (tokenizer.ggml.model "llama"): blanks are written as ▁, symbols are characters, and two neighbours merge when
// their text together is a token, the one of highest score first. Characters that are no token become byte tokens.
#include <array>
#include <bit>

#include "base/errors.h"
#include "base/utf8.h"
#include "text/merge.h"
#include "text/scheme.h"
#include "text/whole_words.h"

namespace halfbyte {
namespace {

constexpr std::string_view kMark = "\xe2\x96\x81";  // ▁

// Ascending priority for descending score: flips a float's bits so that unsigned order is numeric order, then inverts.
// Finite scores never give Merge::kNever.
uint32_t priority_of(float score) {
  const auto bits = std::bit_cast<uint32_t>(score + 0.0f);  // -0 becomes 0
  const uint32_t ascending = bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
  return ~ascending;
}

class Spm final : public Scheme {
 public:
  Spm(const Vocabulary& vocabulary, bool adds_space) : vocabulary_(vocabulary), adds_space_(adds_space), whole_words_(vocabulary.size()) {
    for (Token token = 0; token < vocabulary.size(); ++token) {
      if (vocabulary.type(token) == TokenType::kUnknown && unknown_ < 0) unknown_ = token;
      const std::string_view text = vocabulary.text(token);
      for (size_t at = text.find(kMark, 1); at != std::string_view::npos; at = text.find(kMark, at + 1))
        bytes_before_mark_[static_cast<uint8_t>(text[at - 1])] = true;
    }
  }

  void encode(std::string_view text, bool opens, std::vector<Token>& tokens) const override {
    std::string marked;
    marked.reserve(text.size() + text.size() / 2);
    if (opens && adds_space_) marked += kMark;
    for (const char c : text) {
      if (c == ' ')
        marked += kMark;
      else
        marked += c;
    }
    Merger merger;
    for (size_t begin = 0; begin < marked.size();) {
      const size_t end = word_end(marked, begin);
      encode_word(std::string_view(marked).substr(begin, end - begin), merger, tokens);
      begin = end;
    }
  }

  void append_piece(Token token, std::string& bytes) const override {
    const std::string_view text = vocabulary_.text(token);
    if (vocabulary_.type(token) == TokenType::kByte) {
      bytes += static_cast<char>(vocabulary_.byte_of(token));
      return;
    }
    for (size_t at = 0; at < text.size();) {
      const size_t mark = std::min(text.find(kMark, at), text.size());
      bytes += text.substr(at, mark - at);
      if (mark < text.size()) bytes += ' ';
      at = mark + kMark.size();
    }
  }

  bool drops_first_space() const override { return adds_space_; }
  bool adds_bos() const override { return true; }

 private:
  // Text can be cut before a mark when no token has the byte before it followed by a mark: no merge reaches across.
  size_t word_end(std::string_view text, size_t begin) const {
    for (size_t at = text.find(kMark, begin + 1); at != std::string_view::npos; at = text.find(kMark, at + 1))
      if (!bytes_before_mark_[static_cast<uint8_t>(text[at - 1])]) return at;
    return text.size();
  }

  // Control, unknown and byte tokens are not made of characters: text that spells one out stays text.
  bool joins(Token token) const {
    const TokenType type = vocabulary_.type(token);
    return type == TokenType::kNormal || type == TokenType::kUserDefined || type == TokenType::kUnused;
  }
  Token token_of(std::string_view text) const {
    if (text.size() > vocabulary_.longest()) return -1;
    const auto token = vocabulary_.find(text);
    return token && joins(*token) ? *token : -1;
  }

  void encode_word(std::string_view word, Merger& merger, std::vector<Token>& tokens) const {
    const Token whole = token_of(word);
    if (whole >= 0 && whole_words_.of(whole) == WholeWords::Known::kWhole) {
      tokens.push_back(whole);
      return;
    }
    merger.symbols.clear();
    for (uint32_t at = 0; at < word.size();) {
      const uint32_t end = at + read_utf8(word, at).bytes;
      merger.symbols.push_back({at, end, token_of(word.substr(at, end - at))});
      at = end;
    }
    merger.merge([&](const Symbol& left, const Symbol& right) -> Merge {
      const Token token = token_of(word.substr(left.begin, right.end - left.begin));
      return token < 0 ? Merge{} : Merge{priority_of(vocabulary_.score(token)), token};
    });
    for (const Symbol& symbol : merger.symbols) {
      if (symbol.token >= 0)
        tokens.push_back(symbol.token);
      else
        append_bytes(word.substr(symbol.begin, symbol.end - symbol.begin), tokens);
    }
    if (whole >= 0) whole_words_.learn(whole, merger.symbols.size() == 1);
  }

  void append_bytes(std::string_view bytes, std::vector<Token>& tokens) const {
    for (const char c : bytes) {
      const Token token = vocabulary_.byte_token(static_cast<uint8_t>(c));
      if (token >= 0)
        tokens.push_back(token);
      else if (unknown_ >= 0)
        tokens.push_back(unknown_);
    }
  }

  const Vocabulary& vocabulary_;
  bool adds_space_;
  Token unknown_ = -1;
  std::array<bool, 256> bytes_before_mark_{};  // in some token
  WholeWords whole_words_;
};

}  // namespace

Result<std::unique_ptr<Scheme>> open_spm(const Metadata& metadata, const Vocabulary& vocabulary) {
  if (!vocabulary.has_scores())
    return corrupt("{}: tokenizer.ggml.scores: expected a score for each token, found nothing", metadata.path());
  HB_TRY_ASSIGN(adds_space, metadata.flag_or("tokenizer.ggml.add_space_prefix", true));
  return std::unique_ptr<Scheme>(std::make_unique<Spm>(vocabulary, adds_space));
}

}  // namespace halfbyte
