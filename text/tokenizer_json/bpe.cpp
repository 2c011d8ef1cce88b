// Byte-pair encoding as tokenizer.json describes it: over the bytes of words (GPT-2) or over their characters (Llama 2, Gemma).
#include <array>

#include "base/errors.h"
#include "base/utf8.h"
#include "text/byte_level.h"
#include "text/merge_table.h"
#include "text/tokenizer_json/word_model.h"
#include "text/whole_words.h"

namespace halfbyte::tokenizer_json {
namespace {

constexpr std::string_view kMark = "\xe2\x96\x81";  // ▁

struct Options {
  Token unknown = -1;
  bool fuses_unknown = false;
  bool falls_back_to_bytes = false;
  bool takes_whole_words = false;
  bool is_bytes = false;
  std::string inner_prefix;  // before every character of a word but the first
  std::string end_suffix;    // after the last
};

class Bpe final : public WordModel {
 public:
  Bpe(ModelTokens tokens, MergeTable merges, Options options)
      : tokens_(std::move(tokens)), merges_(std::move(merges)), options_(std::move(options)), whole_words_(tokens_.size()) {
    if (options_.falls_back_to_bytes) byte_tokens_ = tokenizer_json::byte_tokens(tokens_);
    for (size_t byte = 0; byte < single_.size(); ++byte) {
      const char c = static_cast<char>(byte);
      std::string written;
      if (options_.is_bytes)
        append_byte_level({&c, 1}, written);
      else
        written = c;
      single_[byte] = tokens_.find(written);
    }
  }

  // Text may be cut before a mark that follows any other byte than these: no merge reaches across.
  void cut_at_marks(std::array<bool, 256> bytes_before_mark) {
    cuts_at_marks_ = true;
    bytes_before_mark_ = bytes_before_mark;
  }

  void encode(const Words& words, std::vector<Token>& tokens) const override {
    Merger merger;
    std::string written;
    for (const Word& word : words.all()) {
      const std::string_view text = words.text(word);
      for (size_t begin = 0; begin < text.size();) {
        const size_t end = cuts_at_marks_ ? part_end(text, begin) : text.size();
        encode_word(text.substr(begin, end - begin), merger, written, tokens);
        begin = end;
      }
    }
  }

 private:
  size_t part_end(std::string_view text, size_t begin) const {
    for (size_t at = text.find(kMark, begin + 1); at != std::string_view::npos; at = text.find(kMark, at + 1))
      if (!bytes_before_mark_[static_cast<uint8_t>(text[at - 1])]) return at;
    return text.size();
  }

  void encode_word(std::string_view word, Merger& merger, std::string& written, std::vector<Token>& tokens) const {
    const Token whole = whole_token(word, written);
    if (whole >= 0 && (options_.takes_whole_words || whole_words_.of(whole) == WholeWords::Known::kWhole)) {
      tokens.push_back(whole);
      return;
    }
    merger.symbols.clear();
    add_symbols(word, merger, written);
    merger.merge(merges_);
    for (const Symbol& symbol : merger.symbols) tokens.push_back(symbol.token);
    if (whole >= 0) whole_words_.learn(whole, merger.symbols.size() == 1 && merger.symbols[0].token == whole);
  }

  // The token that the word as a whole is; -1: none.
  Token whole_token(std::string_view word, std::string& written) const {
    if (word.size() > tokens_.longest()) return -1;
    if (!options_.is_bytes) return tokens_.find(word);
    written.clear();
    append_byte_level(word, written);
    return tokens_.find(written);
  }

  static void add(Merger& merger, Token token) { merger.symbols.push_back({0, 0, token}); }

  void add_symbols(std::string_view word, Merger& merger, std::string& written) const {
    size_t unknown = 0;  // how many stand before what comes next
    const auto add_unknown = [&] {
      for (; unknown > 0; --unknown) add(merger, options_.unknown);
    };
    for (size_t at = 0; at < word.size();) {
      const size_t bytes = options_.is_bytes ? 1 : read_utf8(word, at).bytes;
      const std::string_view character = word.substr(at, bytes);
      const Token token = token_of(character, at == 0, at + bytes == word.size(), written);
      at += bytes;
      if (token >= 0) {
        add_unknown();
        add(merger, token);
      } else if (!add_bytes(written, merger) && options_.unknown >= 0) {
        unknown = options_.fuses_unknown ? 1 : unknown + 1;
      }
    }
    add_unknown();
  }

  // `written` is left as the text that was looked up, unless a token was found.
  Token token_of(std::string_view character, bool is_first, bool is_last, std::string& written) const {
    const bool is_bare = (is_first || options_.inner_prefix.empty()) && (!is_last || options_.end_suffix.empty());
    const auto byte = static_cast<uint8_t>(character[0]);
    if (is_bare && (options_.is_bytes || byte < 0x80) && single_[byte] >= 0) return single_[byte];
    written.clear();
    if (!is_first) written += options_.inner_prefix;
    if (options_.is_bytes)
      append_byte_level(character, written);
    else
      written += character;
    if (is_last) written += options_.end_suffix;
    return tokens_.find(written);
  }

  // The bytes of `text` as tokens of their own, if there is one for each.
  bool add_bytes(std::string_view text, Merger& merger) const {
    if (byte_tokens_.empty()) return false;
    for (const char c : text)
      if (byte_tokens_[static_cast<uint8_t>(c)] < 0) return false;
    for (const char c : text) add(merger, byte_tokens_[static_cast<uint8_t>(c)]);
    return true;
  }

  ModelTokens tokens_;
  MergeTable merges_;
  Options options_;
  std::array<Token, 256> single_;   // the tokens of bytes, or of ASCII characters
  std::vector<Token> byte_tokens_;  // of <0x00> to <0xFF>, if they are used
  WholeWords whole_words_;
  bool cuts_at_marks_ = false;
  std::array<bool, 256> bytes_before_mark_{};
};

// "a b" or ["a", "b"].
Result<std::pair<std::string_view, std::string_view>> read_merge(const Json& merge, const std::string& where) {
  if (const std::string* line = merge.text()) {
    const size_t blank = line->find(' ');
    if (blank != std::string::npos && line->find(' ', blank + 1) == std::string::npos)
      return std::pair(std::string_view(*line).substr(0, blank), std::string_view(*line).substr(blank + 1));
  } else if (const Json::Array* pair = merge.array()) {
    if (pair->size() == 2 && (*pair)[0].text() != nullptr && (*pair)[1].text() != nullptr)
      return std::pair(std::string_view(*(*pair)[0].text()), std::string_view(*(*pair)[1].text()));
  }
  return expected(where, "two pieces, as 'a b' or as an array", &merge);
}

struct Merges {
  MergeTable table;
  std::array<bool, 256> bytes_before_mark{};  // in what merges give
  bool joins_substitutes = false;             // some merge takes the unknown token or a byte token
};

Result<Merges> read_merges(Fields& fields, const ModelTokens& tokens, const Options& options) {
  HB_TRY_ASSIGN(list, fields.array("merges"));
  if (list->size() > MergeTable::kMostMerges)
    return corrupt("{}: expected at most {} merges, found {}", fields.place("merges"), MergeTable::kMostMerges, list->size());
  Merges merges{MergeTable(list->size())};
  std::string joined;
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string* line = (*list)[i].text();
    if (i == 0 && line != nullptr && line->starts_with("#version")) continue;  // of merges.txt, copied along
    const auto place = [&] { return fmt::format("{}[{}]", fields.place("merges"), i); };
    const auto pieces = read_merge((*list)[i], fields.where() + ".merges[" + std::to_string(i) + "]");
    if (!pieces) return pieces.error();
    const auto [left, right] = *pieces;
    const bool has_prefix = right.size() >= options.inner_prefix.size();
    joined.assign(left).append(has_prefix ? right.substr(options.inner_prefix.size()) : right);
    const Token a = tokens.find(left), b = tokens.find(right), result = tokens.find(joined);
    const bool is_missing = a < 0 || b < 0 || result < 0;
    if (is_missing || !has_prefix)
      return corrupt("{}: expected pieces of the vocabulary, found '{}' and '{}', which make '{}'", place(), escaped(left), escaped(right),
                     escaped(joined));
    if (!merges.table.add(a, b, result))
      return corrupt("{}: expected each merge once, found '{}' and '{}' again", place(), escaped(left), escaped(right));
    for (size_t at = joined.find(kMark, 1); at != std::string::npos; at = joined.find(kMark, at + 1))
      merges.bytes_before_mark[static_cast<uint8_t>(joined[at - 1])] = true;
    const auto is_substitute = [&](Token token) { return token == options.unknown || tokens.text(token).starts_with("<0x"); };
    merges.joins_substitutes = merges.joins_substitutes || is_substitute(a) || is_substitute(b);
  }
  return merges;
}

}  // namespace

Result<OpenedModel> open_bpe(Fields& fields, ModelTokens tokens, bool is_bytes) {
  Options options;
  options.is_bytes = is_bytes;
  if (const Json* dropout = fields.take("dropout"); dropout != nullptr && any_number(*dropout) != 0.0)
    return unsupported("{}: merges left out at random are not supported", fields.place("dropout"));
  HB_TRY_ASSIGN(unknown, fields.optional_text("unk_token"));
  HB_TRY_ASSIGN(prefix, fields.optional_text("continuing_subword_prefix"));
  HB_TRY_ASSIGN(suffix, fields.optional_text("end_of_word_suffix"));
  HB_TRY_INTO(options.fuses_unknown, fields.flag("fuse_unk", false));
  HB_TRY_INTO(options.falls_back_to_bytes, fields.flag("byte_fallback", false));
  HB_TRY_INTO(options.takes_whole_words, fields.flag("ignore_merges", false));
  if (unknown) options.unknown = tokens.find(*unknown);
  options.inner_prefix = prefix.value_or("");
  options.end_suffix = suffix.value_or("");
  HB_TRY_ASSIGN(merges, read_merges(fields, tokens, options));
  const bool is_plain = !is_bytes && !options.takes_whole_words && options.inner_prefix.empty() && options.end_suffix.empty();
  const bool cuts_at_marks = is_plain && !merges.joins_substitutes && tokens.find(kMark) >= 0;
  auto bpe = std::make_unique<Bpe>(std::move(tokens), std::move(merges.table), std::move(options));
  if (cuts_at_marks) bpe->cut_at_marks(merges.bytes_before_mark);
  return OpenedModel(std::move(bpe));
}

std::vector<Token> byte_tokens(const ModelTokens& tokens) {
  std::vector<Token> found(256);
  for (size_t byte = 0; byte < found.size(); ++byte) found[byte] = tokens.find(fmt::format("<0x{:02X}>", byte));
  return found;
}

}  // namespace halfbyte::tokenizer_json
