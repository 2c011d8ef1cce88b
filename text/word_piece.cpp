// WordPiece (tokenizer.ggml.model "bert"): text is cleaned and cut into words at white space and punctuation, and each word is
// spelled with the longest pieces, from its beginning. GGUF writes a word's first piece with ▁ before it and the others bare.
// Cleaning is that of BERT's own tokenizer: control characters go, ideographs are words, accents and case go if the file says so.
#include <utf8proc.h>

#include <algorithm>
#include <array>

#include "base/errors.h"
#include "base/utf8.h"
#include "text/scheme.h"
#include "text/unicode.h"

namespace halfbyte {
namespace {

constexpr std::string_view kMark = "\xe2\x96\x81";  // ▁
constexpr size_t kLongestWord = 100;                // characters; BERT takes longer ones for unknown

struct Cleaning {
  bool lowercase = true;
  bool strips_accents = true;
};

constexpr CharSet kPunctuation = chars::kP | CharKind::kAsciiSymbol;

// The list in BERT's code; it leaves U+2B820 .. U+2B91F out.
bool is_ideograph(char32_t c) {
  return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x2a6df) || (c >= 0x2a700 && c <= 0x2b81f) ||
         (c >= 0x2b920 && c <= 0x2ceaf) || (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

// Control and format characters, also those three that are white space elsewhere.
bool is_dropped(char32_t c, CharKind kind) {
  return c == 0xfffd || kind == CharKind::kControl || kind == CharKind::kOther || c == 0x0b || c == 0x0c || c == 0x85;
}

char32_t lower(char32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
  return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
}

class WordPiece final : public Scheme {
 public:
  WordPiece(const Vocabulary& vocabulary, Cleaning cleaning, std::optional<Token> unknown)
      : vocabulary_(vocabulary), cleaning_(cleaning), unknown_(unknown) {}

  void encode(std::string_view text, bool, std::vector<Token>& tokens) const override {
    Word word;
    for (size_t at = 0; at < text.size();) {
      const Utf8Character character = read_utf8(text, at);
      at += character.bytes;
      const char32_t c = character.code_point;
      const CharKind kind = kind_of(c);
      if (is_dropped(c, kind)) continue;
      if (chars::kS.contains(kind)) {
        finish(word, tokens);
      } else if (is_ideograph(c)) {
        finish(word, tokens);
        append_clean(c, word, tokens);
        finish(word, tokens);
      } else {
        append_clean(c, word, tokens);
      }
    }
    finish(word, tokens);
  }

  void append_piece(Token token, std::string& bytes) const override {
    std::string_view text = vocabulary_.text(token);
    if (text.starts_with(kMark)) {
      bytes += ' ';
      text.remove_prefix(kMark.size());
    }
    bytes += text;
  }

  bool drops_first_space() const override { return true; }
  bool adds_bos() const override { return true; }
  bool adds_eos() const override { return true; }

 private:
  struct Word {
    std::string marked{kMark};  // what there is of it so far, after the mark
    size_t characters = 0;
  };

  void append_clean(char32_t c, Word& word, std::vector<Token>& tokens) const {
    if (c < 0x80 || !cleaning_.strips_accents) {
      append_lower(c, word, tokens);
      return;
    }
    std::array<utf8proc_int32_t, 32> parts;  // no character decomposes into more than 4
    int last_boundary = 0;
    const auto count =
        utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts.data(), parts.size(), UTF8PROC_DECOMPOSE, &last_boundary);
    for (size_t i = 0; i < std::min(static_cast<size_t>(std::max<utf8proc_ssize_t>(count, 0)), parts.size()); ++i)
      if (utf8proc_category(parts[i]) != UTF8PROC_CATEGORY_MN) append_lower(static_cast<char32_t>(parts[i]), word, tokens);
  }

  void append_lower(char32_t c, Word& word, std::vector<Token>& tokens) const {
    const bool stands_alone = kPunctuation.contains(kind_of(c));
    if (stands_alone) finish(word, tokens);
    append_utf8(word.marked, cleaning_.lowercase ? lower(c) : c);
    ++word.characters;
    if (stands_alone) finish(word, tokens);
  }

  void finish(Word& word, std::vector<Token>& tokens) const {
    if (word.characters > 0) encode_word(word, tokens);
    word.marked.resize(kMark.size());
    word.characters = 0;
  }

  void encode_word(const Word& word, std::vector<Token>& tokens) const {
    const size_t before = tokens.size();
    const std::string_view text = word.marked;
    for (size_t at = 0; at < text.size();) {
      const std::string_view piece = word.characters > kLongestWord ? std::string_view() : longest_piece(text, at, tokens);
      if (piece.empty()) {  // one part that no piece spells makes the whole word unknown
        tokens.resize(before);
        if (unknown_) tokens.push_back(*unknown_);
        return;
      }
      at += piece.size();
    }
  }

  // The longest piece at `at`, its token appended; empty: none. A piece with a mark only begins a word.
  std::string_view longest_piece(std::string_view word, size_t at, std::vector<Token>& tokens) const {
    const std::string_view text = word.substr(at);
    if (at > 0 && text.starts_with(kMark)) return {};
    for (size_t length = std::min(text.size(), vocabulary_.longest()); length > 0; --length) {
      if (length < text.size() && (text[length] & 0xc0) == 0x80) continue;  // inside a character
      if (const auto token = vocabulary_.find(text.substr(0, length))) {
        tokens.push_back(*token);
        return text.substr(0, length);
      }
    }
    return {};
  }

  const Vocabulary& vocabulary_;
  Cleaning cleaning_;
  std::optional<Token> unknown_;
};

}  // namespace

Result<std::unique_ptr<Scheme>> open_word_piece(const Metadata& metadata, const Vocabulary& vocabulary) {
  Cleaning cleaning;
  HB_TRY_INTO(cleaning.lowercase, metadata.flag_or("tokenizer.ggml.normalizer.lowercase", true));
  HB_TRY_INTO(cleaning.strips_accents, metadata.flag_or("tokenizer.ggml.normalizer.strip_accents", cleaning.lowercase));
  HB_TRY_ASSIGN(unknown, metadata.unsigned_integer_or("tokenizer.ggml.unknown_token_id", 0, UINT64_MAX, UINT64_MAX));
  const bool is_token = unknown < static_cast<uint64_t>(vocabulary.size());
  return std::unique_ptr<Scheme>(std::make_unique<WordPiece>(
      vocabulary, cleaning, is_token ? std::optional<Token>(static_cast<Token>(unknown)) : vocabulary.find("[UNK]")));
}

}  // namespace halfbyte
