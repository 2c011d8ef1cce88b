// Byte-level BPE (tokenizer.ggml.model "gpt2"): text is cut into words, a word is a row of bytes, and the file's list of merges,
// best first, says which neighbours become one token.
#include <array>

#include "base/errors.h"
#include "text/byte_level.h"
#include "text/merge_table.h"
#include "text/pre_tokenizer.h"
#include "text/scheme.h"
#include "text/whole_words.h"

namespace halfbyte {
namespace {

constexpr std::string_view kMergesKey = "tokenizer.ggml.merges";

Result<MergeTable> read_merges(const Metadata& metadata, const Vocabulary& vocabulary) {
  HB_TRY_ASSIGN(lines, metadata.strings(kMergesKey));
  if (lines == nullptr) return corrupt("{}: {}: expected an array of strings, found nothing", metadata.path(), kMergesKey);
  if (lines->size() > MergeTable::kMostMerges)
    return corrupt("{}: {}: expected at most {} merges, found {}", metadata.path(), kMergesKey, MergeTable::kMostMerges, lines->size());
  MergeTable table(lines->size());
  std::string joined;
  for (size_t i = 0; i < lines->size(); ++i) {
    const std::string_view line = (*lines)[i];
    const size_t blank = line.find(' ', 1);  // a piece is never empty, and a first piece that is a blank is allowed
    const auto wrong = [&](std::string_view what) {
      return corrupt("{}: {}: merge {} '{}': {}", metadata.path(), kMergesKey, i, escaped(line), what);
    };
    if (blank == std::string_view::npos || blank + 1 == line.size()) return wrong("expected two pieces with a blank between");
    const auto left = vocabulary.find(line.substr(0, blank)), right = vocabulary.find(line.substr(blank + 1));
    if (!left || !right) return wrong("expected two tokens, found a piece that is none");
    joined.assign(line.substr(0, blank)).append(line.substr(blank + 1));
    const auto token = vocabulary.find(joined);
    if (!token) return wrong("expected a token as result, found none");
    table.add(*left, *right, *token);
  }
  return table;
}

class ByteLevelBpe final : public Scheme {
 public:
  ByteLevelBpe(const Vocabulary& vocabulary, PreTokenizer pre, MergeTable merges)
      : vocabulary_(vocabulary), pre_(std::move(pre)), merges_(std::move(merges)), whole_words_(vocabulary.size()) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const char c = static_cast<char>(byte);
      std::string written;
      append_byte_level({&c, 1}, written);
      byte_tokens_[byte] = vocabulary.find(written).value_or(-1);
    }
  }

  void encode(std::string_view text, bool, std::vector<Token>& tokens) const override {
    Merger merger;
    std::string written;
    size_t begin = 0;
    for (const uint32_t end : pre_.word_ends(text)) {
      encode_word(text.substr(begin, end - begin), merger, written, tokens);
      begin = end;
    }
  }

  void append_piece(Token token, std::string& bytes) const override { append_from_byte_level(vocabulary_.text(token), bytes); }
  bool adds_bos() const override { return pre_.adds_bos(); }

 private:
  void encode_word(std::string_view word, Merger& merger, std::string& written, std::vector<Token>& tokens) const {
    Token whole = -1;  // the token that the word as a whole is
    if (word.size() <= vocabulary_.longest()) {
      written.clear();
      append_byte_level(word, written);
      const auto token = vocabulary_.find(written);
      if (token && vocabulary_.type(*token) == TokenType::kNormal) whole = *token;
      if (whole >= 0 && (pre_.takes_whole_words() || whole_words_.of(whole) == WholeWords::Known::kWhole)) {
        tokens.push_back(whole);
        return;
      }
    }
    // A byte the vocabulary lacks leaves nothing behind, and what is left and right of it does not merge.
    merger.symbols.clear();
    for (uint32_t i = 0; i < word.size(); ++i) merger.symbols.push_back({i, i + 1, byte_tokens_[static_cast<uint8_t>(word[i])]});
    merger.merge(merges_);
    for (const Symbol& symbol : merger.symbols)
      if (symbol.token >= 0) tokens.push_back(symbol.token);
    if (whole >= 0) whole_words_.learn(whole, merger.symbols.size() == 1);
  }

  const Vocabulary& vocabulary_;
  PreTokenizer pre_;
  MergeTable merges_;
  std::array<Token, 256> byte_tokens_;  // -1: none
  WholeWords whole_words_;
};

}  // namespace

Result<std::unique_ptr<Scheme>> open_byte_level_bpe(const Metadata& metadata, const Vocabulary& vocabulary,
                                                    std::vector<std::string>& warnings) {
  if (!metadata.contains("tokenizer.ggml.pre"))
    warnings.emplace_back("tokenizer.ggml.pre is missing: words are cut as in files made before the key existed ('default')");
  HB_TRY_ASSIGN(name, metadata.text_or("tokenizer.ggml.pre", "default"));
  HB_TRY_ASSIGN(pre, PreTokenizer::open(name, metadata.path()));
  HB_TRY_ASSIGN(merges, read_merges(metadata, vocabulary));
  return std::unique_ptr<Scheme>(std::make_unique<ByteLevelBpe>(vocabulary, std::move(pre), std::move(merges)));
}

}  // namespace halfbyte
