#include "text/regex_syntax.h"

#include <utf8proc.h>

#include <algorithm>
#include <optional>

#include "base/errors.h"

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

char32_t other_case(char32_t c) {
  const auto code = static_cast<utf8proc_int32_t>(c);
  const utf8proc_int32_t lower = utf8proc_tolower(code);
  return static_cast<char32_t>(lower != code ? lower : utf8proc_toupper(code));
}

// (?i): the other case of what is named one by one, of ASCII letters, and the two signs that fold to ASCII (long s, kelvin).
void add_other_case(CharClassTerms& terms) {
  const size_t count = terms.ranges.size();
  for (size_t i = 0; i < count; ++i) {
    const CodePointRange range = terms.ranges[i];
    const auto add = [&](char32_t c) { terms.ranges.push_back({c, c}); };
    if (range.first == range.last && range.first >= 0x80) add(other_case(range.first));
    for (char32_t c = 'A'; c <= 'Z'; ++c) {
      const char32_t lower = c + ('a' - 'A');
      const auto has = [&](char32_t letter) { return range.first <= letter && letter <= range.last; };
      if (has(c)) add(lower);
      if (has(lower)) add(c);
      if ((has(c) || has(lower)) && c == 'S') add(0x17f);
      if ((has(c) || has(lower)) && c == 'K') add(0x212a);
    }
  }
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
    while (!ended() && !next_is("|") && !next_is(")")) {
      HB_TRY_ASSIGN(part, atom(depth, any_case));
      HB_TRY_ASSIGN(repeated, quantified(std::move(part)));
      node.children.push_back(std::move(repeated));
    }
    return node;
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
    if (count.least > count.most) return wrong("expected {n,m} with n not above m");
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
      HB_TRY_ASSIGN(terms, bracket(depth, any_case));
      return class_node(std::move(terms));
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
    HB_TRY_ASSIGN(terms, single(any_case));
    return class_node(std::move(terms));
  }

  Result<RegexNode> group(int depth, bool any_case) {
    Kind kind = Kind::kSequence;
    bool is_negated = false;
    if (take("?")) {
      if (take("i:")) {
        any_case = true;
      } else if (take("-i:")) {
        any_case = false;
      } else if (take("=") || next_is("!")) {
        kind = Kind::kLook;
        is_negated = take("!");
      } else if (take("<=") || next_is("<!")) {
        kind = Kind::kLookBehind;
        is_negated = take("<!");
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
  Result<CharClassTerms> single(bool any_case) {
    if (!next_is("\\")) {
      const char32_t c = character();
      return cased(of_range(c, c), any_case);
    }
    ++at_;
    if (ended()) return wrong("expected a character after '\\'");
    const char escape = pattern_[at_];
    switch (escape) {
      case 's': ++at_; return of_kinds(chars::kS);
      case 'S': ++at_; return negated(of_kinds(chars::kS));
      case 'd': ++at_; return of_kinds(kDecimal);
      case 'D': ++at_; return negated(of_kinds(kDecimal));
      case 'w': ++at_; return word_characters();
      case 'W': ++at_; return negated(word_characters());
      case 'h': ++at_; return hexadecimal();
      case 'H': ++at_; return negated(hexadecimal());
      case 'p':
      case 'P': return property(any_case);
      default: break;
    }
    HB_TRY_ASSIGN(c, escaped_character());
    return cased(of_range(c, c), any_case);
  }

  static CharClassTerms hexadecimal() {
    CharClassTerms terms;
    terms.ranges = {{'0', '9'}, {'a', 'f'}, {'A', 'F'}};
    return terms;
  }

  Result<CharClassTerms> cased(CharClassTerms terms, bool any_case) {
    if (any_case) add_other_case(terms);
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
      case 'x': ++at_; return take("{") ? hexadecimal_number(1, 8, true) : hexadecimal_number(1, 2, false);
      case 'u': ++at_; return hexadecimal_number(4, 4, false);
      default: break;
    }
    const bool is_letter = (escape >= 'a' && escape <= 'z') || (escape >= 'A' && escape <= 'Z') || (escape >= '0' && escape <= '9');
    if (is_letter) return not_done(fmt::format("'\\{}'", escape));
    return character();
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

  Result<CharClassTerms> property(bool any_case) {
    bool is_negated = pattern_[at_++] == 'P';
    if (!take("{")) return wrong("expected '{' after \\p");
    if (take("^")) is_negated = !is_negated;
    const size_t end = pattern_.find('}', at_);
    if (end == std::string_view::npos) return wrong("expected '}'");
    const std::string_view name = pattern_.substr(at_, end - at_);
    CharClassTerms terms;
    if (name == "Han") {
      terms.kinds = CharKind::kHan;
      terms.ranges = {{0x2e80, 0x2e99}, {0x2e9b, 0x2ef3}, {0x2f00, 0x2fd5},  {0x3007, 0x3007},
                      {0x3021, 0x3029}, {0x3038, 0x303a}, {0x16ff0, 0x16ff1}};
    } else {
      const auto known = std::find_if(std::begin(kProperties), std::end(kProperties), [&](const Property& p) { return p.name == name; });
      if (known == std::end(kProperties)) return not_done(fmt::format("the property '{}'", escaped(name)));
      if (any_case && name.size() == 2 && name[0] == 'L' && (name[1] == 'u' || name[1] == 'l' || name[1] == 't'))
        return not_done(fmt::format("the property '{}' in any case", name));
      terms.kinds = known->kinds;
      terms.categories = known->categories;
    }
    at_ = end + 1;
    terms.is_negated = is_negated;
    return terms;
  }

  // After '['.
  Result<CharClassTerms> bracket(int depth, bool any_case) {
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
        HB_TRY_ASSIGN(inner, bracket(depth + 1, any_case));
        part.any.push_back(std::move(inner));
      } else if (take("&&")) {
        whole.all.push_back(std::move(part));
        part = {};
      } else {
        HB_TRY(member(any_case, part));
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
  Result<void> member(bool any_case, CharClassTerms& part) {
    HB_TRY_ASSIGN(terms, single(false));
    const bool is_character = terms.ranges.size() == 1 && terms.ranges[0].first == terms.ranges[0].last && !terms.is_negated;
    if (is_character && next_is("-") && !next_is("-]")) {
      ++at_;
      if (next_is("[")) return not_done("a range that ends in a class");
      HB_TRY_ASSIGN(last, single(false));
      if (last.ranges.size() != 1 || last.ranges[0].first != last.ranges[0].last || last.is_negated)
        return not_done("a range that ends in a class");
      if (last.ranges[0].first < terms.ranges[0].first) return wrong("expected a range that ascends");
      terms.ranges[0].last = last.ranges[0].first;
    }
    if (any_case && !terms.ranges.empty()) add_other_case(terms);
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
};

}  // namespace

CharClassTerms word_characters() {
  CharClassTerms terms;
  terms.kinds = chars::kL | chars::kM | chars::kN | CharKind::kUnderscore;
  terms.categories = category(UTF8PROC_CATEGORY_PC);
  terms.ranges = {{0x24b6, 0x24e9},
                  {0x1f130, 0x1f149},
                  {0x1f150, 0x1f169},
                  {0x1f170, 0x1f189}};  // circled and squared letters: symbols with the property Alphabetic
  return terms;
}

Result<RegexNode> parse_regex(std::string_view pattern, std::string_view where) { return Parser(pattern, where).parse(); }

}  // namespace halfbyte
