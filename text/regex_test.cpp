// The syntax the engine takes and refuses, and how long it takes. What patterns mean: regex_oniguruma_test.cpp.
#include "text/regex.h"

#include <gtest/gtest.h>

#include <string>

namespace halfbyte {
namespace {

using Matches = std::vector<std::string>;

struct Found {
  Matches matches;
  bool has_given_up;
};
Found find(std::string_view pattern, std::string_view text) {
  const auto regex = Regex::compile(pattern, "test");
  if (!regex) {
    ADD_FAILURE() << regex.error().message;
    return {};
  }
  const ClassifiedText classified(text);
  RegexSearch search(*regex, classified);
  search.enter(0, classified.size());
  Found found{};
  for (Regex::Match match; search.next(match);) found.matches.emplace_back(text.substr(match.begin, match.end - match.begin));
  found.has_given_up = search.has_given_up();
  return found;
}
Matches matches(std::string_view pattern, std::string_view text) { return find(pattern, text).matches; }

struct Refusal {
  Code code;
  std::string message;
  bool operator==(const Refusal&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Refusal& refusal) { return out << refusal.message; }
Refusal refusal(std::string_view pattern) {
  const auto regex = Regex::compile(pattern, "test");
  if (regex) return {Code::kUnsupported, "none"};
  return {regex.error().code, regex.error().message};
}
Refusal wrong(std::string_view pattern, int at, std::string_view what) {
  return {Code::kCorrupt, "test: pattern '" + std::string(pattern) + "': at byte " + std::to_string(at) + ": " + std::string(what)};
}

// What a message says after "at byte N: ", of patterns that are right in Ruby's syntax but not done here.
std::string not_done(std::string_view pattern) {
  const Refusal found = refusal(pattern);
  EXPECT_EQ(found.code, Code::kUnsupported) << pattern;
  const size_t at = found.message.find(": at byte ");
  return at == std::string::npos ? found.message : found.message.substr(found.message.find(": ", at + 2) + 2);
}

TEST(Regex, TakesTheLongestOfTheFirstAlternativeThatMatches) {
  EXPECT_EQ(matches("a|ab+", "abb"), (Matches{"a"}));
  EXPECT_EQ(matches("ab+|a", "abb a"), (Matches{"abb", "a"}));
}

TEST(Regex, SaysWhereAPatternIsWrong) {
  EXPECT_EQ(refusal("(a"), wrong("(a", 2, "expected ')'"));
  EXPECT_EQ(refusal("a)"), wrong("a)", 1, "expected no ')' without '('"));
  EXPECT_EQ(refusal("[a"), wrong("[a", 2, "expected ']'"));
  EXPECT_EQ(refusal("a|*"), wrong("a|*", 2, "expected something to repeat"));
  EXPECT_EQ(refusal("[z-a]"), wrong("[z-a]", 4, "expected a range that ascends"));
  EXPECT_EQ(refusal("\\p{L"), wrong("\\x5cp{L", 3, "expected '}'"));
  EXPECT_EQ(refusal("\\x{}"), wrong("\\x5cx{}", 3, "expected hexadecimal digits"));
  EXPECT_EQ(refusal("\\x{d800}"), wrong("\\x5cx{d800}", 8, "expected a Unicode character"));
  EXPECT_EQ(refusal("a\\"), wrong("a\\x5c", 2, "expected a character after '\\'"));
}

TEST(Regex, NamesWhatItDoesNotDo) {
  EXPECT_EQ(not_done("(a)\\1"), "'\\1' is not supported");
  EXPECT_EQ(not_done("\\Ga"), "'\\G' is not supported");
  EXPECT_EQ(not_done("\\X"), "'\\X' is not supported");
  EXPECT_EQ(not_done("\\p{Greek}"), "the property 'Greek' is not supported");
  EXPECT_EQ(not_done("(?<n>a)"), "the group '(?<n>' is not supported");
  EXPECT_EQ(not_done("(?x: a)"), "the group '(?x: ' is not supported");
  EXPECT_EQ(not_done("(?<=ab)c"), "a look-behind of anything but one character is not supported");
  EXPECT_EQ(not_done("[[:alpha:]]"), "a POSIX class is not supported");
  EXPECT_EQ(not_done("[]a]"), "a class that begins with ']' is not supported");
  EXPECT_EQ(not_done("[a-\\d]"), "a range that ends in a class is not supported");
  EXPECT_EQ(not_done("[\\d-a]"), "a range that begins with a class is not supported");
  EXPECT_EQ(not_done("\\xe9"), "'\\xe9', a byte outside ASCII, is not supported");
  EXPECT_EQ(not_done("\\b*"), "a repeated position is not supported");
  EXPECT_EQ(not_done("a{2}{3}"), "a repeat of a repeat without a group is not supported");
  EXPECT_EQ(not_done("a{2}?"), "'?' after {n} is not supported");
  EXPECT_EQ(not_done("a{3,2}"), "{n,m} with n above m is not supported");
  EXPECT_EQ(not_done("a{1001}"), "a count above 1000 is not supported");
  EXPECT_EQ(not_done("(?:a*)*"), "test: pattern: a repeated group that can match nothing is not supported");
  EXPECT_EQ(not_done("(?i:less)"), "'ss' in any case, which is 'ß' too, is not supported");
}

TEST(Regex, LimitsWhatAPatternMayGrowTo) {
  EXPECT_EQ(not_done("(((a{999}b){999}){999}){999}"), "test: pattern: expected at most 20000 instructions when its counts are written out");
  EXPECT_EQ(refusal(std::string(65537, 'a')).code, Code::kCorrupt);
  EXPECT_EQ(refusal(std::string(65, '(') + std::string(65, ')')).code, Code::kCorrupt);
  EXPECT_EQ(refusal(std::string(66, '[') + "a" + std::string(66, ']')).code, Code::kCorrupt);
}

TEST(Regex, IgnoresCaseOnlyWhereToldTo) {
  EXPECT_EQ(matches("(?i)k|é", "kK\u212aÉ"), (Matches{"k", "K", "\u212a", "É"}));
  EXPECT_EQ(matches("(?i:a(?-i:b))c", "ABc Abc AbC"), (Matches{"Abc"}));
  EXPECT_EQ(matches("(?i:[ß])", "ss ẞ"), (Matches{"ss", "ẞ"}));
}

TEST(Regex, ReadsBytesThatAreNoUtf8AsReplacementCharacters) {
  EXPECT_EQ(matches("\\x{fffd}", "a\xff\xe4\xb8 \xe4\xb8\xad"), (Matches{"\xff", "\xe4\xb8"}));
  EXPECT_EQ(matches("[^a]+", "a\xc3\xc3 "), (Matches{"\xc3\xc3 "}));
}

TEST(RegexSearch, LooksAtNothingOutsideThePartItIsIn) {
  const auto regex = Regex::compile("^b|(?<=a)b|b(?!c)", "test");
  ASSERT_TRUE(regex);
  const ClassifiedText text("abcb");
  RegexSearch search(*regex, text);
  Regex::Match match;
  search.enter(1, 2);
  ASSERT_TRUE(search.next(match));
  EXPECT_EQ(match.begin, 1u);
  EXPECT_EQ(match.end, 2u);
  EXPECT_FALSE(search.next(match));
  search.enter(2, 4);
  ASSERT_TRUE(search.next(match));
  EXPECT_EQ(match.begin, 3u);
}

TEST(RegexSearch, FindsNoEmptyMatchRightAfterAnother) {
  EXPECT_EQ(matches("a*", "aab"), (Matches{"aa", ""}));
  EXPECT_EQ(matches("", "ab"), (Matches{"", "", ""}));
}

TEST(RegexSearch, GivesUpOnExponentialTime) { EXPECT_TRUE(find("(?:a+)+$", std::string(100000, 'a') + "x").has_given_up); }

TEST(RegexSearch, TakesLinearTimeToCountDigitsFromTheRight) {
  const std::string digits(1000001, '7');
  const Found found = find("\\d{1,3}(?=(?:\\d{3})*\\b)", digits);
  EXPECT_FALSE(found.has_given_up);
  ASSERT_EQ(found.matches.size(), 333334u);
  EXPECT_EQ(found.matches[0], "77");
  EXPECT_FALSE(find("(?=(\\d{3})+(?!\\d))", digits).has_given_up);
  EXPECT_EQ(matches("\\d{1,3}(?=(?:\\d{3})*\\b)", "12345x").size(), 0u);
}

TEST(RegexSearch, TakesLinearTimeToFindBlanksAtTheEnd) {
  const Found found = find("\\s+$", std::string(1000000, ' ') + "x  ");
  EXPECT_FALSE(found.has_given_up);
  EXPECT_EQ(found.matches, (Matches{"  "}));
}

}  // namespace
}  // namespace halfbyte
