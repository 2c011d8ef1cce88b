// The regex engine against Oniguruma, which it is to mean the same as: every property on every character, then patterns from a grammar over
// all that the engine takes, on texts from the same characters. HALFBYTE_REGEX_PATTERNS: how many patterns, for longer runs.
#include <gtest/gtest.h>

#include <bitset>
#include <cstdlib>
#include <optional>
#include <random>

#include "base/errors.h"
#include "base/utf8.h"
#include "text/oniguruma.h"
#include "text/regex.h"

namespace halfbyte {
namespace {

using Matches = std::vector<std::pair<uint32_t, uint32_t>>;  // begins and ends
constexpr char32_t kCharacters = 0x110000;

// Nothing where our budget of steps was used up.
std::optional<Matches> matches(const Regex& regex, const ClassifiedText& text) {
  RegexSearch search(regex, text);
  search.enter(0, text.size());
  Matches found;
  for (Regex::Match match; search.next(match);) found.emplace_back(match.begin, match.end);
  if (search.has_given_up()) return std::nullopt;
  return found;
}

using CharacterSet = std::bitset<kCharacters>;

// All but surrogates; of the planes that have nothing or only private use, one in a few hundred.
bool is_character(char32_t c) {
  const bool is_empty_plane = c >= 0x32400 && (c < 0xe0000 || c >= 0xe0200);
  return c < kCharacters && (c < 0xd800 || c > 0xdfff) && (!is_empty_plane || c % 257 == 0);
}

// All of them, in one text.
class EveryCharacter {
 public:
  EveryCharacter() : at_(kCharacters + 1) {
    for (char32_t c = 0; c < kCharacters; ++c) {
      at_[c] = static_cast<uint32_t>(text_.size());
      if (is_character(c)) append_utf8(text_, c);
    }
    at_[kCharacters] = static_cast<uint32_t>(text_.size());
    classified_.emplace(text_);
  }

  CharacterSet by_oniguruma(const std::string& char_class) const {
    const Oniguruma regex(char_class + "+");
    EXPECT_EQ(regex.refusal(), "") << char_class;
    return characters(*regex.matches(text_));
  }
  CharacterSet by_us(const std::string& char_class) const {
    const auto regex = Regex::compile(char_class + "+", "test");
    EXPECT_TRUE(regex) << regex.error().message;
    return characters(*matches(*regex, *classified_));
  }

 private:
  CharacterSet characters(const Matches& runs) const {
    CharacterSet set;
    auto run = runs.begin();
    for (char32_t c = 0; c < kCharacters; ++c) {
      while (run != runs.end() && run->second <= at_[c]) ++run;
      if (is_character(c) && run != runs.end() && run->first <= at_[c]) set.set(c);
    }
    return set;
  }

  std::string text_;
  std::vector<uint32_t> at_;
  std::optional<ClassifiedText> classified_;
};

const EveryCharacter& every_character() {
  static const EveryCharacter all;
  return all;
}

// Characters that one of the two tables of Unicode has and the other has not: they are of different versions.
const CharacterSet& assigned_in_one_only() {
  static const CharacterSet set = every_character().by_oniguruma("\\p{Cn}") ^ every_character().by_us("\\p{Cn}");
  return set;
}

const std::vector<std::string>& properties() {
  static const std::vector<std::string> names = {"L",  "Letter", "Lu",     "Ll", "Lt", "Lm", "Lo", "M",           "Mark",   "Mn", "Mc",
                                                 "Me", "N",      "Number", "Nd", "Nl", "No", "P",  "Pc",          "Pd",     "Ps", "Pe",
                                                 "Pi", "Pf",     "Po",     "S",  "Sm", "Sc", "Sk", "So",          "Z",      "Zs", "Zl",
                                                 "Zp", "C",      "Cc",     "Cf", "Co", "Cs", "Cn", "Punctuation", "Symbol", "Han"};
  return names;
}

TEST(RegexAndOniguruma, KnowNearlyTheSameCharacters) { EXPECT_LT(assigned_in_one_only().count(), 10000u); }

TEST(RegexAndOniguruma, AgreeOnEveryPropertyOfEveryCharacter) {
  std::vector<std::string> classes = {"\\w", "\\W",   "\\d",    "\\D",   "\\s",   "\\S",   "\\h",
                                      "\\H", "[\\w]", "[^\\w]", "[\\d]", "[\\s]", "[\\h]", "."};
  for (const std::string& name : properties()) classes.push_back("\\p{" + name + "}");
  for (const std::string& char_class : classes) {
    const CharacterSet differing =
        (every_character().by_oniguruma(char_class) ^ every_character().by_us(char_class)) & ~assigned_in_one_only();
    EXPECT_EQ(differing.count(), 0u) << char_class << ": the first is U+" << std::hex << differing._Find_first();
  }
}

// What patterns speak of.
const std::u32string kSpoken =
    U"aabbstkAABSTKmdlrevx''__--//..,!?[](){}|*+^$&~#:\"\\0123459 \u0020\u0020\t\n\n\r\r\v\f\u0085\u00a0\u1680\u2003\u2028\u2029\u3000"
    U"\u00e9\u00c9\u01c4\u01c5\u01c6\u03c3\u03c2\u03a3\u00b5\u03bc\u017f\u212a\u00e5\u212b\u0431\u0411\u02b0\u0345\u03b9"
    U"\u0301\u0308\u093f\u20dd\u0661\u0967\u00bd\u2167\u2177\u00b2\u2460\u24b6\u24d0\u4e2d\u3400\u3005\u3007\u303b\u2f08\u3042\u30ab"
    U"\uac00"
    U"\u0905\u0e01\u05d0\u00ab\u00bb\u2014\u203f\u2026\u3002\uff0c\u20ac\u2211\u00a9\u00a8\u02c6\u200d\u200c\ufeff\u00ad\ufffd\ue000"
    U"\u0378"
    U"\U0001f468\U0001f3fd\U0001f1e9\U00020000\U0001d400\U00010400\U00010428\U0001e900\U000e0100\U0010ffef\x01\x1c\x7f\u0080";

// Draws patterns and texts. The same seed draws the same.
class Draw {
 public:
  explicit Draw(uint64_t seed) : random_(seed) {
    const int letters = 3 + below(6);
    for (int i = 0; i < letters; ++i) alphabet_.push_back(any_character());
  }

  std::string pattern() { return alternatives(0).text; }

  std::string text() {
    std::string text;
    for (int left = below(24); left > 0; --left) append_utf8(text, below(8) == 0 ? any_character() : one_of(alphabet_));
    return text;
  }

  // As text(), with bytes that are no UTF-8.
  std::string broken_text() {
    std::string broken = text();
    for (int left = 1 + below(4); left > 0; --left) {
      const auto at = static_cast<size_t>(below(static_cast<int>(broken.size()) + 1));
      if (at < broken.size() && below(2) == 0)
        broken.erase(at, 1);
      else
        broken.insert(at, 1, static_cast<char>(0x80 + below(0x80)));
    }
    return broken;
  }

 private:
  struct Part {
    std::string text;
    bool can_be_nothing;
  };

  int below(int limit) { return static_cast<int>(random_() % static_cast<uint64_t>(limit)); }
  bool chance(int percent) { return below(100) < percent; }
  template <class T>
  const T& one_of(const std::vector<T>& list) {
    return list[static_cast<size_t>(below(static_cast<int>(list.size())))];
  }

  // One that both tables know alike: of the characters patterns speak of, or from anywhere in Unicode.
  char32_t any_character() {
    for (;;) {
      char32_t c = 0;
      if (chance(70))
        c = kSpoken[static_cast<size_t>(below(static_cast<int>(kSpoken.size())))];
      else if (chance(50))
        c = static_cast<char32_t>(below(0x3100));
      else
        c = static_cast<char32_t>(below(kCharacters));
      if (is_character(c) && !assigned_in_one_only()[c]) return c;
    }
  }

  std::string literal(char32_t c, bool in_brackets) {
    if (chance(5)) return fmt::format("\\x{{{:x}}}", static_cast<uint32_t>(c));
    if (chance(5) && c >= 0x80 && c < 0x10000) return fmt::format("\\u{:04X}", static_cast<uint32_t>(c));
    if (chance(5) && c < 0x80) return fmt::format("\\x{:02x}", static_cast<uint32_t>(c));
    if (c == '\n' && chance(50)) return "\\n";
    if (c == '\t' && chance(50)) return "\\t";
    if (c == '\r' && chance(50)) return "\\r";
    std::string text;
    static const std::string_view kOutside = "\\.[](){}*+?|^$", kInside = "\\[]^-&";
    if (c < 0x80 && (in_brackets ? kInside : kOutside).find(static_cast<char>(c)) != std::string_view::npos) text = "\\";
    append_utf8(text, c);
    return text;
  }
  std::string letter() { return literal(chance(85) ? one_of(alphabet_) : any_character(), false); }

  std::string escape() {
    static const std::vector<std::string> kShort = {"\\s", "\\S", "\\d", "\\D", "\\w", "\\W", "\\h", "\\H"};
    if (chance(45)) return one_of(kShort);
    static const std::vector<std::string> kOpenings = {"\\p{", "\\p{", "\\P{", "\\p{^", "\\P{^"};
    return one_of(kOpenings) + one_of(properties()) + "}";
  }

  std::string member() {
    const int kind = below(10);
    if (kind < 5) return literal(chance(70) ? one_of(alphabet_) : any_character(), true);
    if (kind < 7) {
      char32_t first = one_of(alphabet_), last = any_character();
      if (first > last) std::swap(first, last);
      return literal(first, true) + "-" + literal(last, true);
    }
    return escape();
  }

  std::string bracket(int depth) {
    std::string text = chance(35) ? "[^" : "[";
    for (int parts = chance(20) ? 2 + below(2) : 1; parts > 0; --parts) {
      for (int members = 1 + below(3); members > 0; --members) text += depth < 2 && chance(12) ? sound_bracket(depth + 1) : member();
      if (parts > 1) text += "&&";
    }
    return text + "]";
  }

  // One that Oniguruma reads alike by itself and negated: in [^[^\D\d]], and in it negated, it has no character outside ASCII.
  std::string sound_bracket(int depth) {
    static const std::string sample = [] {
      std::string text;
      for (const char32_t c : kSpoken) append_utf8(text, c);
      return text;
    }();
    for (;;) {
      std::string text = bracket(depth);
      const Oniguruma plain(text + "+"), negated("[^" + text + "]+");
      if (!plain.refusal().empty() || !negated.refusal().empty()) continue;
      const auto in = plain.matches(sample), outside = negated.matches(sample);
      size_t bytes = 0;
      for (const auto& matches : {*in, *outside})
        for (const auto& [begin, end] : matches) bytes += end - begin;
      if (bytes == sample.size()) return text;
    }
  }

  std::string one_character() {
    const int kind = below(10);
    if (kind < 5) return letter();
    if (kind < 7) return escape();
    return kind == 7 ? "." : sound_bracket(0);
  }

  Part group(int depth) {
    static const std::vector<std::string> kOpenings = {"(", "(?:", "(?:", "(?i:", "(?-i:", "(?>"};
    Part inside = alternatives(depth + 1);
    inside.text = one_of(kOpenings) + inside.text + ")";
    return inside;
  }

  Part position(int depth) {
    static const std::vector<std::string> kSimple = {"^", "$", "\\A", "\\z", "\\Z", "\\b", "\\B"};
    if (chance(50)) return {one_of(kSimple), true};
    if (chance(40)) return {(chance(50) ? "(?<=" : "(?<!") + one_character() + ")", true};
    return {(chance(50) ? "(?=" : "(?!") + alternatives(depth + 1).text + ")", true};
  }

  Part quantified(Part part) {
    const int kind = below(4);
    int least = 0;
    bool is_exact = false, has_braces = false;
    if (kind == 0) {
      part.text += "*";
    } else if (kind == 1) {
      part.text += "+";
      least = 1;
    } else if (kind == 2) {
      part.text += "?";
    } else {
      has_braces = true;
      least = below(3);
      const int most = least + below(3);
      const int form = below(4);
      if (form == 0 && most > 0) {
        part.text += fmt::format("{{{}}}", most);
        least = most;
        is_exact = true;
      } else if (form == 1) {
        part.text += fmt::format("{{{},}}", least);
      } else if (form == 2 && most > 0) {
        part.text += fmt::format("{{,{}}}", most);
        least = 0;
      } else {
        is_exact = least == most;
        part.text += fmt::format("{{{},{}}}", least, most);
      }
    }
    const bool was_nothing = part.can_be_nothing || least == 0;
    if (!is_exact && chance(20))
      part.text += "?";
    else if ((!has_braces || !was_nothing) && chance(20))
      part.text += "+";
    part.can_be_nothing = was_nothing;
    return part;
  }

  Part sequence(int depth) {
    Part whole{"", true};
    for (int left = chance(8) ? 0 : 1 + below(4); left > 0; --left) {
      Part part;
      if (chance(12)) {
        part = position(depth);
      } else {
        part = depth < 3 && chance(20) ? group(depth) : Part{one_character(), false};
        if (!part.can_be_nothing && chance(40)) part = quantified(part);
      }
      whole.text += part.text;
      whole.can_be_nothing = whole.can_be_nothing && part.can_be_nothing;
    }
    return whole;
  }

  Part alternatives(int depth) {
    Part whole = sequence(depth);
    for (int left = chance(35) ? 1 + below(3) : 0; left > 0; --left) {
      const Part other = sequence(depth);
      whole.text += "|" + other.text;
      whole.can_be_nothing = whole.can_be_nothing || other.can_be_nothing;
    }
    return whole;
  }

  std::mt19937_64 random_;
  std::vector<char32_t> alphabet_;
};

bool has_only_known_characters(std::string_view text) {
  for (size_t at = 0; at < text.size(); at += read_utf8(text, at).bytes)
    if (assigned_in_one_only()[read_utf8(text, at).code_point]) return false;
  return true;
}

// The text as the engine reads it: U+FFFD for every ill-formed part; `from` tells where each byte of it, and its end, came from.
struct Repaired {
  std::string text;
  std::vector<uint32_t> from;
};
Repaired repaired(std::string_view broken) {
  Repaired whole;
  for (size_t at = 0; at < broken.size();) {
    const Utf8Character c = read_utf8(broken, at);
    append_utf8(whole.text, c.code_point);
    whole.from.resize(whole.text.size(), static_cast<uint32_t>(at));
    at += c.bytes;
  }
  whole.from.push_back(static_cast<uint32_t>(broken.size()));
  return whole;
}

size_t pattern_count() {
  const char* wanted = std::getenv("HALFBYTE_REGEX_PATTERNS");
  return wanted == nullptr ? 3000 : std::strtoul(wanted, nullptr, 10);
}

TEST(RegexAndOniguruma, FindTheSameInGeneratedTexts) {
  constexpr int kTexts = 12;
  size_t compared = 0, refused = 0, given_up = 0, different = 0;
  for (size_t seed = 0; seed < pattern_count() && different < 10; ++seed) {
    Draw draw(seed);
    const std::string pattern = draw.pattern();
    const Oniguruma theirs(pattern);
    const auto ours = Regex::compile(pattern, "test");
    if (!ours) {
      // What we do not do is said to be so; a pattern is wrong only where Oniguruma finds it wrong.
      EXPECT_TRUE(ours.error().code == Code::kUnsupported || !theirs.refusal().empty()) << ours.error().message;
      ++refused;
      continue;
    }
    EXPECT_EQ(theirs.refusal(), "") << "seed " << seed << ": " << escaped(pattern, 500);
    if (!theirs.refusal().empty()) {
      ++different;
      continue;
    }
    for (int i = 0; i < kTexts; ++i) {
      const std::string text = i % 4 == 3 ? draw.broken_text() : draw.text();
      const Repaired whole = repaired(text);
      if (!has_only_known_characters(whole.text)) continue;  // made of broken ones
      auto expected = theirs.matches(whole.text);
      const auto found = matches(*ours, ClassifiedText(text));
      if (!expected || !found) {
        ++given_up;
        continue;
      }
      for (auto& [begin, end] : *expected) {
        begin = whole.from[begin];
        end = whole.from[end];
      }
      ++compared;
      if (*found == *expected) continue;
      ++different;
      ADD_FAILURE() << "seed " << seed << ": " << escaped(pattern, 500) << "\n  in \"" << escaped(text, 500)
                    << "\"\n  found:    " << testing::PrintToString(*found) << "\n  expected: " << testing::PrintToString(*expected);
      break;
    }
  }
  RecordProperty("compared", static_cast<int>(compared));
  EXPECT_GT(compared, pattern_count() * kTexts * 9 / 10) << refused << " patterns refused";
  EXPECT_LT(given_up, compared / 100);
}

}  // namespace
}  // namespace halfbyte
