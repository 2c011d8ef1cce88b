#include "text/tokenizer_json/pre_tokenizer.h"

#include <algorithm>
#include <variant>

#include "base/errors.h"
#include "base/utf8.h"
#include "text/byte_level.h"
#include "text/regex.h"
#include "text/tokenizer_json/fields.h"
#include "text/tokenizer_json/replacement.h"

namespace halfbyte::tokenizer_json {
namespace {

constexpr size_t kMostSteps = 64;
constexpr CharSet kPunctuation = chars::kP | CharKind::kAsciiSymbol;

// \w+|[^\w\s]+ with Rust's \w: letters, marks, decimal digits, letter-like numbers and symbols, connectors, joiners.
constexpr std::string_view kWordsOrMarks =
    "[\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{200c}\\x{200d}\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}\\x{1f150}-\\x{1f169}\\x{1f170}-\\x{1f189}"
    "]+|"
    "[^\\s\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{200c}\\x{200d}\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}\\x{1f150}-\\x{1f169}\\x{1f170}-\\x{"
    "1f189}]+";

// GPT-2's, which ByteLevel has built in.
constexpr std::string_view kGpt2Words = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

// What becomes of the places where a pattern matches, the delimiters.
enum class Behavior : uint8_t { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

struct Part {
  uint32_t begin, end;
  bool is_match;
};

// Joins parts to their neighbours; what is left are the words.
void join(std::vector<Part>& parts, Behavior behavior) {
  if (behavior == Behavior::kIsolated || parts.empty()) return;
  if (behavior == Behavior::kRemoved) {
    std::erase_if(parts, [](const Part& part) { return part.is_match; });
    return;
  }
  const bool from_the_end = behavior == Behavior::kMergedWithNext;
  if (from_the_end) std::reverse(parts.begin(), parts.end());
  std::vector<Part> joined;
  bool was_match = false;
  for (const Part& part : parts) {
    const bool joins = behavior == Behavior::kContiguous ? part.is_match == was_match : part.is_match && !was_match;
    was_match = part.is_match;
    if (!joins || joined.empty())
      joined.push_back(part);
    else if (from_the_end)
      joined.back().begin = part.begin;
    else
      joined.back().end = part.end;
  }
  if (from_the_end) std::reverse(joined.begin(), joined.end());
  parts = std::move(joined);
}

class Cut final : public PreTokenizerStep {
 public:
  using Delimiter = std::variant<SearchPattern, Regex, CharSet>;  // of a set each character is one
  Cut(Delimiter delimiter, Behavior behavior, bool is_inverted = false)
      : delimiter_(std::move(delimiter)), behavior_(behavior), is_inverted_(is_inverted) {}

  void apply(Words& words) const override {
    const ClassifiedText& text = words.classified();
    std::vector<Word> cut;
    cut.reserve(words.all().size() + text.size() / 4);
    std::vector<Part> parts;
    const Regex* const regex = this->regex();
    std::optional<RegexSearch> search;
    if (regex != nullptr) search.emplace(*regex, text);
    for (const Word& word : words.all()) {
      parts.clear();
      uint32_t at = word.begin;
      const auto add = [&](uint32_t begin, uint32_t end) {
        if (at < begin) parts.push_back({at, begin, is_inverted_});
        parts.push_back({begin, end, !is_inverted_});
        at = end;
      };
      if (search)
        find(*search, word, add);
      else
        find(text, word, add);
      if (at < word.end) parts.push_back({at, word.end, is_inverted_});
      join(parts, behavior_);
      for (const Part& part : parts)
        if (part.begin < part.end) cut.push_back({part.begin, part.end, word.opens_input && part.begin == word.begin});
    }
    words.set(std::move(cut));
  }

 private:
  const Regex* regex() const {  // null: another delimiter
    const auto* pattern = std::get_if<SearchPattern>(&delimiter_);
    return pattern != nullptr ? pattern->regex() : std::get_if<Regex>(&delimiter_);
  }

  template <class Add>
  static void find(RegexSearch& search, const Word& word, const Add& add) {
    search.enter(word.begin, word.end);
    for (Regex::Match match; search.next(match);) add(match.begin, match.end);
  }
  template <class Add>
  void find(const ClassifiedText& text, const Word& word, const Add& add) const {
    if (const auto* set = std::get_if<CharSet>(&delimiter_)) {
      for (uint32_t at = word.begin; at < word.end;) {
        const uint32_t next = text.after(at);
        if (set->contains(text.kind(at))) add(at, next);
        at = next;
      }
      return;
    }
    const std::string& literal = std::get<SearchPattern>(delimiter_).literal();
    if (literal.empty()) return;
    const std::string_view inside = text.text().substr(0, word.end);
    for (size_t at = inside.find(literal, word.begin); at != std::string_view::npos; at = inside.find(literal, at + literal.size()))
      add(static_cast<uint32_t>(at), static_cast<uint32_t>(at + literal.size()));
  }

  Delimiter delimiter_;
  Behavior behavior_;
  bool is_inverted_;
};

// A blank before every word that has none.
class PrefixSpace final : public PreTokenizerStep {
 public:
  void apply(Words& words) const override {
    const auto has = [&](const Word& word) { return words.text()[word.begin] == ' '; };
    if (std::all_of(words.all().begin(), words.all().end(), has)) return;
    words.rewrite([&](std::string& out, const Word& word) {
      if (!has(word)) out += ' ';
      out += words.text(word);
    });
  }
};

class WriteByteLevel final : public PreTokenizerStep {
 public:
  void apply(Words& words) const override {
    words.rewrite([&](std::string& out, const Word& word) { append_byte_level(words.text(word), out); });
  }
  bool writes_byte_level() const override { return true; }
};

// Blanks become a mark, and words get one before them.
class WriteMarks final : public PreTokenizerStep {
 public:
  enum class Prepends : uint8_t { kAlways, kFirst, kNever };
  WriteMarks(std::string mark, Prepends prepends) : mark_(std::move(mark)), prepends_(prepends) {}

  void apply(Words& words) const override {
    words.rewrite([&](std::string& out, const Word& word) {
      const std::string_view text = words.text(word);
      const bool wants_one = prepends_ == Prepends::kAlways || (prepends_ == Prepends::kFirst && word.opens_input);
      if (wants_one && text[0] != ' ' && !text.starts_with(mark_)) out += mark_;
      for (size_t at = 0; at < text.size();) {
        const size_t blank = std::min(text.find(' ', at), text.size());
        out += text.substr(at, blank - at);
        if (blank < text.size()) out += mark_;
        at = blank + 1;
      }
    });
  }

 private:
  std::string mark_;
  Prepends prepends_;
};

using Steps = std::vector<std::unique_ptr<const PreTokenizerStep>>;

Result<Behavior> read_behavior(Fields& fields, std::optional<Behavior> fallback = std::nullopt) {
  constexpr std::pair<std::string_view, Behavior> kNames[] = {
      {"Removed", Behavior::kRemoved},
      {"Isolated", Behavior::kIsolated},
      {"MergedWithPrevious", Behavior::kMergedWithPrevious},
      {"MergedWithNext", Behavior::kMergedWithNext},
      {"Contiguous", Behavior::kContiguous},
  };
  const Json* value = fields.take("behavior");
  if (value == nullptr && fallback) return *fallback;
  if (value == nullptr || value->text() == nullptr) return expected(fields.place("behavior"), "a string", value);
  for (const auto& [known, behavior] : kNames)
    if (*value->text() == known) return behavior;
  return unsupported("{}: behavior '{}' is not supported", fields.place("behavior"), escaped(*value->text()));
}

Result<void> read_byte_level(Fields& fields, Steps& steps) {
  HB_TRY_ASSIGN(prefixes, fields.flag("add_prefix_space", true));
  HB_TRY_ASSIGN(cuts, fields.flag("use_regex", true));
  fields.skip("trim_offsets");  // offsets into the text, which we do not give
  if (prefixes) steps.push_back(std::make_unique<PrefixSpace>());
  if (cuts) {
    HB_TRY_ASSIGN(regex, Regex::compile(kGpt2Words, fields.where()));
    steps.push_back(std::make_unique<Cut>(std::move(regex), Behavior::kIsolated));
  }
  steps.push_back(std::make_unique<WriteByteLevel>());
  return {};
}

Result<void> read_split(Fields& fields, Steps& steps) {
  HB_TRY_ASSIGN(pattern, SearchPattern::read(fields));
  HB_TRY_ASSIGN(behavior, read_behavior(fields));
  HB_TRY_ASSIGN(is_inverted, fields.flag("invert", false));
  steps.push_back(std::make_unique<Cut>(std::move(pattern), behavior, is_inverted));
  return {};
}

Result<void> read_whitespace(Fields& fields, Steps& steps) {
  HB_TRY_ASSIGN(regex, Regex::compile(kWordsOrMarks, fields.where()));
  steps.push_back(std::make_unique<Cut>(std::move(regex), Behavior::kRemoved, true));
  return {};
}

Result<void> read_whitespace_split(Fields&, Steps& steps) {
  steps.push_back(std::make_unique<Cut>(chars::kS, Behavior::kRemoved));
  return {};
}

Result<void> read_bert(Fields&, Steps& steps) {
  steps.push_back(std::make_unique<Cut>(chars::kS, Behavior::kRemoved));
  steps.push_back(std::make_unique<Cut>(kPunctuation, Behavior::kIsolated));
  return {};
}

Result<void> read_digits(Fields& fields, Steps& steps) {
  HB_TRY_ASSIGN(individual, fields.flag("individual_digits", false));
  steps.push_back(std::make_unique<Cut>(chars::kN, individual ? Behavior::kIsolated : Behavior::kContiguous));
  return {};
}

Result<void> read_punctuation(Fields& fields, Steps& steps) {
  HB_TRY_ASSIGN(behavior, read_behavior(fields, Behavior::kIsolated));
  steps.push_back(std::make_unique<Cut>(kPunctuation, behavior));
  return {};
}

Result<Regex> one_character(char32_t c, const std::string& where) { return Regex::compile(fmt::format("\\x{{{:x}}}", uint32_t{c}), where); }

Result<void> read_delimiter(Fields& fields, Steps& steps) {
  HB_TRY_ASSIGN(delimiter, fields.character("delimiter"));
  HB_TRY_ASSIGN(regex, one_character(delimiter, fields.where()));
  steps.push_back(std::make_unique<Cut>(std::move(regex), Behavior::kRemoved));
  return {};
}

Result<void> read_metaspace(Fields& fields, Steps& steps) {
  HB_TRY_ASSIGN(mark, fields.character("replacement"));
  HB_TRY_ASSIGN(prefixes, fields.flag("add_prefix_space", true));  // of older files
  const Json* scheme_value = fields.take("prepend_scheme");
  if (scheme_value != nullptr && scheme_value->text() == nullptr) return expected(fields.place("prepend_scheme"), "a string", scheme_value);
  const std::string scheme = scheme_value == nullptr ? (prefixes ? "always" : "never") : *scheme_value->text();
  HB_TRY_ASSIGN(cuts, fields.flag("split", true));
  fields.skip("str_rep");  // the replacement again
  constexpr std::pair<std::string_view, WriteMarks::Prepends> kSchemes[] = {
      {"always", WriteMarks::Prepends::kAlways},
      {"first", WriteMarks::Prepends::kFirst},
      {"never", WriteMarks::Prepends::kNever},
  };
  const auto known = std::find_if(std::begin(kSchemes), std::end(kSchemes), [&](const auto& row) { return row.first == scheme; });
  if (known == std::end(kSchemes)) return unsupported("{}: scheme '{}' is not supported", fields.place("prepend_scheme"), escaped(scheme));
  if (!prefixes && scheme != "never")
    return corrupt("{}: expected 'never' where add_prefix_space is false, found '{}'", fields.place("prepend_scheme"), scheme);
  std::string text;
  append_utf8(text, mark);
  steps.push_back(std::make_unique<WriteMarks>(std::move(text), known->second));
  if (!cuts) return {};
  HB_TRY_ASSIGN(regex, one_character(mark, fields.where()));
  steps.push_back(std::make_unique<Cut>(std::move(regex), Behavior::kMergedWithNext));
  return {};
}

struct Row {
  std::string_view type;
  Result<void> (*read)(Fields& fields, Steps& steps);
};
constexpr Row kTypes[] = {
    {"BertPreTokenizer", read_bert}, {"ByteLevel", read_byte_level},  {"CharDelimiterSplit", read_delimiter},
    {"Digits", read_digits},         {"Metaspace", read_metaspace},   {"Punctuation", read_punctuation},
    {"Split", read_split},           {"Whitespace", read_whitespace}, {"WhitespaceSplit", read_whitespace_split},
};

}  // namespace

Result<PreTokenizer> PreTokenizer::read(const Json& value, const std::string& where) {
  PreTokenizer pre;
  HB_TRY(pre.add(value, where));
  return pre;
}

Result<void> PreTokenizer::add(const Json& value, const std::string& where) {
  HB_TRY_ASSIGN(fields, Fields::of(value, where));
  HB_TRY_ASSIGN(type, fields.text("type"));
  if (type == "Sequence") {
    HB_TRY_ASSIGN(parts, fields.array("pretokenizers"));
    for (size_t i = 0; i < parts->size(); ++i) HB_TRY(add((*parts)[i], fmt::format("{}.pretokenizers[{}]", where, i)));
    return fields.finish();
  }
  for (const Row& row : kTypes) {
    if (row.type != type) continue;
    HB_TRY(row.read(fields, steps_));
    if (steps_.size() > kMostSteps) return unsupported("{}: expected at most {} pre-tokenizers, found more", where, kMostSteps);
    return fields.finish();
  }
  return unsupported("{}: pre-tokenizer '{}' is not supported", where, escaped(type));
}

void PreTokenizer::apply(Words& words) const {
  for (const auto& step : steps_) step->apply(words);
}

bool PreTokenizer::leave_bytes() {
  if (steps_.empty() || !steps_.back()->writes_byte_level()) return false;
  steps_.pop_back();
  return true;
}

}  // namespace halfbyte::tokenizer_json
