#include "text/regex_syntax.h"

#include <utf8proc.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/errors.h"
#include "base/utf8.h"
#include "text/case_folding.h"

namespace halfbyte {
namespace {

using Kind = RegexNode::Kind;
constexpr int kDeepest = 64;               // groups and classes inside each other
constexpr uint32_t kGreatestCount = 1000;  // {n,m}
constexpr size_t kLongestPattern = 65536;  // bytes

struct Property {
  std::string_view name;
  CharSet kinds;
  uint32_t categories;
};

constexpr uint32_t category(utf8proc_category_t c) { return 1u << c; }
constexpr CharSet kDecimal = CharSet(CharKind::kAsciiDigit) | CharKind::kDigit;

constexpr Property kProperties[] = {
    {"L", chars::kL, 0},
    {"Letter", chars::kL, 0},
    {"Lu", CharSet(CharKind::kAsciiUpper) | CharKind::kUpper, 0},
    {"Ll", chars::kLower, 0},
    {"Lt", CharKind::kTitle, 0},
    {"Lm", {}, category(UTF8PROC_CATEGORY_LM)},
    {"Lo", {}, category(UTF8PROC_CATEGORY_LO)},
    {"M", chars::kM, 0},
    {"Mark", chars::kM, 0},
    {"Mn", {}, category(UTF8PROC_CATEGORY_MN)},
    {"Mc", {}, category(UTF8PROC_CATEGORY_MC)},
    {"Me", {}, category(UTF8PROC_CATEGORY_ME)},
    {"N", chars::kN, 0},
    {"Number", chars::kN, 0},
    {"Nd", kDecimal, 0},
    {"Nl", {}, category(UTF8PROC_CATEGORY_NL)},
    {"No", {}, category(UTF8PROC_CATEGORY_NO)},
    {"P", chars::kP, 0},
    {"Punctuation", chars::kP, 0},
    {"Pc", {}, category(UTF8PROC_CATEGORY_PC)},
    {"Pd", {}, category(UTF8PROC_CATEGORY_PD)},
    {"Ps", {}, category(UTF8PROC_CATEGORY_PS)},
    {"Pe", {}, category(UTF8PROC_CATEGORY_PE)},
    {"Pi", {}, category(UTF8PROC_CATEGORY_PI)},
    {"Pf", {}, category(UTF8PROC_CATEGORY_PF)},
    {"Po", {}, category(UTF8PROC_CATEGORY_PO)},
    {"S", chars::kSymbol, 0},
    {"Symbol", chars::kSymbol, 0},
    {"Sm", {}, category(UTF8PROC_CATEGORY_SM)},
    {"Sc", {}, category(UTF8PROC_CATEGORY_SC)},
    {"Sk", {}, category(UTF8PROC_CATEGORY_SK)},
    {"So", {}, category(UTF8PROC_CATEGORY_SO)},
    {"Z", {}, category(UTF8PROC_CATEGORY_ZS) | category(UTF8PROC_CATEGORY_ZL) | category(UTF8PROC_CATEGORY_ZP)},
    {"Zs", {}, category(UTF8PROC_CATEGORY_ZS)},
    {"Zl", {}, category(UTF8PROC_CATEGORY_ZL)},
    {"Zp", {}, category(UTF8PROC_CATEGORY_ZP)},
    {"C",
     {},
     category(UTF8PROC_CATEGORY_CC) | category(UTF8PROC_CATEGORY_CF) | category(UTF8PROC_CATEGORY_CN) | category(UTF8PROC_CATEGORY_CO) |
         category(UTF8PROC_CATEGORY_CS)},
    {"Cc", {}, category(UTF8PROC_CATEGORY_CC)},
    {"Cf", {}, category(UTF8PROC_CATEGORY_CF)},
    {"Cn", {}, category(UTF8PROC_CATEGORY_CN)},
    {"Co", {}, category(UTF8PROC_CATEGORY_CO)},
    {"Cs", {}, category(UTF8PROC_CATEGORY_CS)},
};

CharClassTerms of_kinds(CharSet kinds) {
  CharClassTerms terms;
  terms.kinds = kinds;
  return terms;
}

CharClassTerms of_range(char32_t first, char32_t last) {
  CharClassTerms terms;
  terms.ranges.push_back({first, last});
  return terms;
}

CharClassTerms negated(CharClassTerms terms) {
  terms.is_negated = !terms.is_negated;
  return terms;
}

RegexNode class_node(CharClassTerms terms) {
  RegexNode node;
  node.kind = Kind::kClass;
  node.terms = std::move(terms);
  return node;
}

RegexNode node_of(Kind kind, bool is_negated = false) {
  RegexNode node;
  node.kind = kind;
  node.is_negated = is_negated;
  return node;
}

// What a class becomes in any case. Negation comes last: [^k] is all that is no k, K or kelvin sign.
CharClassTerms in_any_case(CharClassTerms terms) {
  CharClassTerms whole;
  whole.is_negated = std::exchange(terms.is_negated, false);
  terms.merge_ranges();
  for (const CaseVariants& variants : all_case_variants())
    if (std::any_of(variants.begin(), variants.end(), [&](char32_t c) { return terms.contains(c); }))
      for (const char32_t c : variants) whole.ranges.push_back({c, c});
  whole.any.push_back(std::move(terms));
  return whole;
}

CharClassTerms of_variants(char32_t character) {
  CharClassTerms terms;
  for (const char32_t c : case_variants(character)) terms.ranges.push_back({c, c});
  return terms;
}

// \w in brackets: letters, marks, decimal digits, letter-like numbers, connectors, and the circled and squared letters, symbols with the
// property Alphabetic. Elsewhere Oniguruma's \w and \b have ² ³ ¹ ¼ ½ ¾ beside these: characters below U+0100 it asks of a table of Latin-1.
CharClassTerms word_class() {
  CharClassTerms terms;
  terms.kinds = chars::kL | chars::kM | kDecimal | CharKind::kUnderscore;
  terms.categories = category(UTF8PROC_CATEGORY_PC) | category(UTF8PROC_CATEGORY_NL);
  terms.ranges = {{0x24b6, 0x24e9}, {0x1f130, 0x1f149}, {0x1f150, 0x1f169}, {0x1f170, 0x1f189}};
  return terms;
}

class Parser {
 public:
  Parser(std::string_view pattern, std::string_view where) : pattern_(pattern), where_(where) {}

  Result<RegexNode> parse() {
    if (pattern_.size() > kLongestPattern)
      return wrong(fmt::format("expected at most {} bytes, found {}", kLongestPattern, pattern_.size()));
    HB_TRY_ASSIGN(node, alternatives(0, false));
    if (at_ < pattern_.size()) return wrong("expected no ')' without '('");
    return node;
  }

 private:
  Error wrong(std::string_view what) const {
    return corrupt("{}: pattern '{}': at byte {}: {}", where_, escaped(pattern_, 200), at_, what);
  }
  Error not_done(std::string_view what) const {
    return unsupported("{}: pattern '{}': at byte {}: {} is not supported", where_, escaped(pattern_, 200), at_, what);
  }
  bool ended() const { return at_ >= pattern_.size(); }
  bool next_is(std::string_view text) const { return pattern_.substr(at_).starts_with(text); }
  bool take(std::string_view text) {
    if (!next_is(text)) return false;
    at_ += text.size();
    return true;
  }
  char32_t character() {
    const Utf8Character c = read_utf8(pattern_, at_);
    at_ += c.bytes;
    return c.code_point;
  }

  Result<RegexNode> alternatives(int depth, bool any_case) {
    if (depth > kDeepest) return wrong(fmt::format("expected groups at most {} deep", kDeepest));
    if (take("(?i)")) any_case = true;
    RegexNode node = node_of(Kind::kAlternatives);
    do {
      HB_TRY_ASSIGN(branch, sequence(depth, any_case));
      node.children.push_back(std::move(branch));
    } while (take("|"));
    if (node.children.size() == 1) return std::move(node.children.front());
    return node;
  }

  Result<RegexNode> sequence(int depth, bool any_case) {
    RegexNode node = node_of(Kind::kSequence);
    std::u32string characters;  // one after another, each by itself
    while (!ended() && !next_is("|") && !next_is(")")) {
      literal_.reset();
      HB_TRY_ASSIGN(part, atom(depth, any_case));
      const auto literal = literal_;
      const size_t after = at_;
      HB_TRY_ASSIGN(repeated, quantified(std::move(part)));
      node.children.push_back(std::move(repeated));
      characters = literal && at_ == after ? characters + *literal : std::u32string();
      if (any_case) HB_TRY(check_case(characters));
    }
    return node;
  }

  // In any case, "ss" would have to match ß, which is one character.
  Result<void> check_case(std::u32string_view characters) const {
    for (const auto& [character, folded] : all_several_in_another_case()) {
      if (characters.size() < folded.size()) continue;
      const bool ends_so = std::equal(folded.rbegin(), folded.rend(), characters.rbegin(), [](char32_t a, char32_t b) {
        const CaseVariants variants = case_variants(a);
        return std::find(variants.begin(), variants.end(), b) != variants.end();
      });
      if (!ends_so && characters.back() != character) continue;
      std::string several, one;
      for (const char32_t c : folded) append_utf8(several, c);
      append_utf8(one, character);
      return not_done(fmt::format("'{}' in any case, which is '{}' too,", several, one));
    }
    return {};
  }

  // Ruby: '+' after '?', '*' and '+' is possessive, but after {n,m} it repeats that.
  Result<RegexNode> quantified(RegexNode part) {
    HB_TRY_ASSIGN(count, quantifier());
    if (!count) return part;
    if (part.kind != Kind::kClass && part.kind != Kind::kSequence && part.kind != Kind::kAlternatives && part.kind != Kind::kAtomic &&
        part.kind != Kind::kRepeat)
      return not_done("a repeated position");
    RegexNode node = node_of(Kind::kRepeat);
    node.least = count->least;
    node.most = count->most;
    if (take("?")) {
      if (count->is_braces && count->least == count->most) return not_done("'?' after {n}");
      node.mode = RegexNode::Mode::kLazy;
    } else if (!count->is_braces && take("+")) {
      node.mode = RegexNode::Mode::kPossessive;
    }
    node.children.push_back(std::move(part));
    if (count->is_braces && node.mode == RegexNode::Mode::kGreedy && take("+")) {
      RegexNode outer = node_of(Kind::kRepeat);
      outer.most = RegexNode::kNoLimit;
      outer.children.push_back(std::move(node));
      node = std::move(outer);
    }
    HB_TRY_ASSIGN(again, quantifier());
    if (again) return not_done("a repeat of a repeat without a group");
    return node;
  }

  struct Count {
    uint32_t least, most;
    bool is_braces;
  };
  Result<std::optional<Count>> quantifier() {
    if (take("*")) return std::optional<Count>({0, RegexNode::kNoLimit, false});
    if (take("+")) return std::optional<Count>({1, RegexNode::kNoLimit, false});
    if (take("?")) return std::optional<Count>({0, 1, false});
    if (!next_is("{")) return std::optional<Count>();
    const size_t opening = at_++;
    const auto least = number();
    const bool has_comma = take(",");
    const auto most = has_comma ? number() : least;
    if ((!least && !most) || !take("}")) {  // Ruby: then the brace is a plain character
      at_ = opening;
      return std::optional<Count>();
    }
    const Count count{least.value_or(0), most.value_or(RegexNode::kNoLimit), true};
    if (count.least > kGreatestCount || (most && count.most > kGreatestCount))
      return not_done(fmt::format("a count above {}", kGreatestCount));
    if (count.least > count.most) return not_done("{n,m} with n above m");
    return std::optional<Count>(count);
  }
  std::optional<uint32_t> number() {
    if (ended() || pattern_[at_] < '0' || pattern_[at_] > '9') return std::nullopt;
    uint32_t value = 0;
    for (; !ended() && pattern_[at_] >= '0' && pattern_[at_] <= '9'; ++at_)
      value = std::min(value * 10 + static_cast<uint32_t>(pattern_[at_] - '0'), kGreatestCount + 1);
    return value;
  }

  Result<RegexNode> atom(int depth, bool any_case) {
    if (take("(")) return group(depth, any_case);
    if (take("[")) {
      HB_TRY_ASSIGN(terms, bracket(depth));
      return any_case ? any_case_node(std::move(terms)) : class_node(std::move(terms));
    }
    if (take(".")) return class_node(negated(of_range('\n', '\n')));
    if (take("^")) return node_of(Kind::kLineStart);
    if (take("$")) return node_of(Kind::kLineEnd);
    if (take("\\A")) return node_of(Kind::kTextStart);
    if (take("\\z")) return node_of(Kind::kTextEnd);
    if (take("\\Z")) return node_of(Kind::kTextEndLine);
    if (take("\\b")) return node_of(Kind::kWordBoundary);
    if (take("\\B")) return node_of(Kind::kWordBoundary, true);
    if (next_is("*") || next_is("+") || next_is("?")) return wrong("expected something to repeat");
    if (take("\\w")) return class_node(word_characters());
    if (take("\\W")) return class_node(negated(word_characters()));
    HB_TRY_ASSIGN(terms, single());
    if (literal_) return class_node(any_case ? of_variants(*literal_) : std::move(terms));
    return class_node(std::move(terms));
  }

  // [ß] in any case is ß, ẞ or ss.
  static RegexNode any_case_node(CharClassTerms terms) {
    RegexNode whole = node_of(Kind::kAlternatives);
    CharClassTerms folded = in_any_case(std::move(terms));
    folded.merge_ranges();
    if (!folded.is_negated) {
      std::u32string_view last;
      for (const auto& [character, several] : all_several_in_another_case()) {
        if (several == last || !folded.contains(character)) continue;
        last = several;
        RegexNode sequence = node_of(Kind::kSequence);
        for (const char32_t c : several) sequence.children.push_back(class_node(of_variants(c)));
        whole.children.push_back(std::move(sequence));
      }
    }
    RegexNode one = class_node(std::move(folded));
    if (whole.children.empty()) return one;
    whole.children.insert(whole.children.begin(), std::move(one));
    return whole;
  }

  Result<RegexNode> group(int depth, bool any_case) {
    Kind kind = Kind::kSequence;
    bool is_negated = false;
    if (take("?")) {
      if (take("i:")) {
        any_case = true;
      } else if (take("-i:")) {
        any_case = false;
      } else if (take("=")) {
        kind = Kind::kLook;
      } else if (take("!")) {
        kind = Kind::kLook;
        is_negated = true;
      } else if (take("<=")) {
        kind = Kind::kLookBehind;
      } else if (take("<!")) {
        kind = Kind::kLookBehind;
        is_negated = true;
      } else if (take(">")) {
        kind = Kind::kAtomic;
      } else if (!take(":")) {
        return not_done(fmt::format("the group '(?{}'", escaped(pattern_.substr(at_, 3))));
      }
    }
    HB_TRY_ASSIGN(inside, alternatives(depth + 1, any_case));
    if (!take(")")) return wrong("expected ')'");
    if (kind == Kind::kSequence) {
      if (inside.kind == Kind::kSequence || inside.kind == Kind::kAlternatives) return inside;
      RegexNode node = node_of(Kind::kSequence);
      node.children.push_back(std::move(inside));
      return node;
    }
    RegexNode node = node_of(kind, is_negated);
    if (kind == Kind::kLookBehind) {
      const bool is_class = inside.kind == Kind::kSequence && inside.children.size() == 1 && inside.children[0].kind == Kind::kClass;
      if (!is_class) return not_done("a look-behind of anything but one character");
      node.terms = std::move(inside.children[0].terms);
      return node;
    }
    node.children.push_back(std::move(inside));
    return node;
  }

  // One character or escape outside brackets, or one member inside.
  Result<CharClassTerms> single() {
    if (!next_is("\\")) {
      literal_ = character();
      return of_range(*literal_, *literal_);
    }
    ++at_;
    if (ended()) return wrong("expected a character after '\\'");
    const char escape = pattern_[at_];
    switch (escape) {
      case 's': ++at_; return of_kinds(chars::kS);
      case 'S': ++at_; return negated(of_kinds(chars::kS));
      case 'd': ++at_; return of_kinds(kDecimal);
      case 'D': ++at_; return negated(of_kinds(kDecimal));
      case 'w': ++at_; return word_class();
      case 'W': ++at_; return negated(word_class());
      case 'h': ++at_; return hexadecimal();
      case 'H': ++at_; return negated(hexadecimal());
      case 'p':
      case 'P': return property();
      default: break;
    }
    HB_TRY_ASSIGN(c, escaped_character());
    literal_ = c;
    return of_range(c, c);
  }

  static CharClassTerms hexadecimal() {
    CharClassTerms terms;
    terms.ranges = {{'0', '9'}, {'a', 'f'}, {'A', 'F'}};
    return terms;
  }

  Result<char32_t> escaped_character() {
    const char escape = pattern_[at_];
    const auto simple = [&](char32_t c) {
      ++at_;
      return Result<char32_t>(c);
    };
    switch (escape) {
      case 'n': return simple('\n');
      case 'r': return simple('\r');
      case 't': return simple('\t');
      case 'f': return simple('\f');
      case 'v': return simple('\v');
      case 'a': return simple('\a');
      case 'e': return simple(0x1b);
      case 'x': ++at_; return take("{") ? hexadecimal_number(1, 8, true) : hexadecimal_byte();
      case 'u': ++at_; return hexadecimal_number(4, 4, false);
      default: break;
    }
    const bool is_letter = (escape >= 'a' && escape <= 'z') || (escape >= 'A' && escape <= 'Z') || (escape >= '0' && escape <= '9');
    if (is_letter) return not_done(fmt::format("'\\{}'", escape));
    return character();
  }
  // Ruby: a byte of the encoding, not a character.
  Result<char32_t> hexadecimal_byte() {
    HB_TRY_ASSIGN(byte, hexadecimal_number(1, 2, false));
    if (byte >= 0x80) return not_done(fmt::format("'\\x{:02x}', a byte outside ASCII,", static_cast<uint32_t>(byte)));
    return byte;
  }
  Result<char32_t> hexadecimal_number(size_t least, size_t most, bool braces) {
    char32_t value = 0;
    size_t digits = 0;
    for (; digits < most && !ended(); ++digits, ++at_) {
      const char c = pattern_[at_];
      if (c >= '0' && c <= '9')
        value = value << 4 | static_cast<char32_t>(c - '0');
      else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        value = value << 4 | static_cast<char32_t>((c | 0x20) - 'a' + 10);
      else
        break;
    }
    if (digits < least || (braces && !take("}"))) return wrong("expected hexadecimal digits");
    if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return wrong("expected a Unicode character");
    return value;
  }

  Result<CharClassTerms> property() {
    bool is_negated = pattern_[at_++] == 'P';
    if (!take("{")) return wrong("expected '{' after \\p");
    if (take("^")) is_negated = !is_negated;
    const size_t end = pattern_.find('}', at_);
    if (end == std::string_view::npos) return wrong("expected '}'");
    const std::string_view name = pattern_.substr(at_, end - at_);
    CharClassTerms terms;
    if (name == "Han") {
      terms.kinds = CharKind::kHan;
      terms.ranges = {{0x2e80, 0x2e99}, {0x2e9b, 0x2ef3}, {0x2f00, 0x2fd5},   {0x3007, 0x3007},
                      {0x3021, 0x3029}, {0x3038, 0x303a}, {0x16fe2, 0x16fe3}, {0x16ff0, 0x16ff1}};
    } else {
      const auto known = std::find_if(std::begin(kProperties), std::end(kProperties), [&](const Property& p) { return p.name == name; });
      if (known == std::end(kProperties)) return not_done(fmt::format("the property '{}'", escaped(name)));
      terms.kinds = known->kinds;
      terms.categories = known->categories;
    }
    at_ = end + 1;
    terms.is_negated = is_negated;
    return terms;
  }

  // After '['.
  Result<CharClassTerms> bracket(int depth) {
    if (depth > kDeepest) return wrong(fmt::format("expected classes at most {} deep", kDeepest));
    CharClassTerms whole;
    whole.is_negated = take("^");
    CharClassTerms part;  // since '[' or '&&'
    bool is_empty = true;
    for (;; is_empty = false) {
      if (ended()) return wrong("expected ']'");
      if (next_is("]")) {
        if (is_empty) return not_done("a class that begins with ']'");
        ++at_;
        break;
      }
      if (next_is("[:")) return not_done("a POSIX class");
      if (take("[")) {
        HB_TRY_ASSIGN(inner, bracket(depth + 1));
        part.any.push_back(std::move(inner));
      } else if (take("&&")) {
        whole.all.push_back(std::move(part));
        part = {};
      } else {
        HB_TRY(member(part));
      }
    }
    if (whole.all.empty()) {
      part.is_negated = whole.is_negated;
      return part;
    }
    whole.all.push_back(std::move(part));
    whole.kinds = chars::kAnything;  // what all of them have
    return whole;
  }

  // A character, a range of them, or an escape that stands for many.
  Result<void> member(CharClassTerms& part) {
    literal_.reset();
    HB_TRY_ASSIGN(terms, single());
    if (next_is("-") && !next_is("-]")) {
      if (!literal_) return not_done("a range that begins with a class");
      ++at_;
      if (next_is("[")) return not_done("a range that ends in a class");
      literal_.reset();
      HB_TRY_ASSIGN(last, single());
      if (!literal_) return not_done("a range that ends in a class");
      if (*literal_ < terms.ranges[0].first) return wrong("expected a range that ascends");
      terms.ranges[0].last = *literal_;
    }
    if (!terms.is_negated && terms.any.empty()) {
      part.kinds = part.kinds | terms.kinds;
      part.categories |= terms.categories;
      part.ranges.insert(part.ranges.end(), terms.ranges.begin(), terms.ranges.end());
    } else {
      part.any.push_back(std::move(terms));
    }
    return {};
  }

  std::string_view pattern_, where_;
  size_t at_ = 0;
  std::optional<char32_t> literal_;  // the atom or member read last, when it is one character
};

}  // namespace

CharClassTerms word_characters() {
  CharClassTerms terms = word_class();
  for (const char32_t c : {U'²', U'³', U'¹', U'¼', U'½', U'¾'}) terms.ranges.push_back({c, c});
  return terms;
}

Result<RegexNode> parse_regex(std::string_view pattern, std::string_view where) { return Parser(pattern, where).parse(); }

}  // namespace halfbyte
