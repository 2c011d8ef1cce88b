#include "grammar/grammar.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "base/json.h"
#include "grammar/grammars.h"
#include "text/small_vocabulary.h"

namespace halfbyte {
namespace {

using Tokens = std::vector<Token>;
constexpr int kControl = 3;

// The bytes, then 256: <|im_end|>, which ends a reply, and some tokens of several bytes.
const Tokenizer& small_tokenizer() {
  static const auto tokenizer = [] {
    SmallVocabulary vocabulary = byte_vocabulary();
    vocabulary.add("<|im_end|>", kControl).add("<|tool|>", kControl);
    for (const char* text : {"{\"", "\":", "\",\"", "true", "abc", "12", "}}", "[["}) vocabulary.add(text);
    return *Tokenizer::open(vocabulary);
  }();
  return *tokenizer;
}

const GrammarVocabulary& small_vocabulary() {
  static const GrammarVocabulary vocabulary = *GrammarVocabulary::open(small_tokenizer());
  return vocabulary;
}

GrammarState begin(GrammarKind kind, const std::string& source, const GrammarVocabulary& vocabulary = small_vocabulary()) {
  const auto grammar = Grammar::compile({kind, source}, vocabulary);
  if (!grammar) ADD_FAILURE() << grammar.error().message;
  return *(*grammar)->begin();
}

std::set<std::string> allowed(GrammarState& state) {
  const TokenSet mask = *state.mask();
  std::set<std::string> texts;
  for (Token token = 0; token < small_tokenizer().vocabulary_size(); ++token)
    if (mask.contains(token)) texts.insert(small_tokenizer().piece(token, true));
  return texts;
}

Error refusal(GrammarKind kind, const std::string& source) {
  const auto grammar = Grammar::compile({kind, source}, small_vocabulary());
  return grammar ? Error{Code::kInternal, "accepted"} : grammar.error();
}

TEST(Grammar, AMaskHasEveryTokenThatTheTextMayGoOnWith) {
  auto state = begin(GrammarKind::kRegex, "abc?|true");
  EXPECT_EQ(allowed(state), (std::set<std::string>{"a", "abc", "t", "true"}));
  EXPECT_TRUE(*state.accept(*small_tokenizer().find("a")));
  EXPECT_EQ(allowed(state), (std::set<std::string>{"b"}));
}

TEST(Grammar, WhereTheTextIsWholeTheTokensThatEndAReplyMayFollow) {
  auto state = begin(GrammarKind::kRegex, "ab?");
  EXPECT_FALSE(*state.may_end());
  EXPECT_TRUE(*state.accept(*small_tokenizer().find("a")));
  EXPECT_EQ(allowed(state), (std::set<std::string>{"b", "<|im_end|>"}));
  EXPECT_TRUE(*state.may_end());
  EXPECT_FALSE(*state.is_complete());
  EXPECT_TRUE(*state.accept(*small_tokenizer().find("b")));
  EXPECT_TRUE(*state.is_complete());
  EXPECT_TRUE(allowed(state).empty());
}

TEST(Grammar, ATokenThatMayNotFollowIsRefusedAndChangesNothing) {
  auto state = begin(GrammarKind::kChoice, R"(["abc", "true"])");
  EXPECT_FALSE(*state.accept(*small_tokenizer().find("{\"")));
  EXPECT_FALSE(*state.accept(-1));
  EXPECT_FALSE(*state.accept(1 << 20));
  EXPECT_EQ(allowed(state), (std::set<std::string>{"a", "abc", "t", "true"}));
}

TEST(Grammar, RewindingGivesTheMaskOfBefore) {
  auto state = begin(GrammarKind::kJsonObject, "");
  const Tokens tokens = {*small_tokenizer().find("{\""), *small_tokenizer().find("abc"), *small_tokenizer().find("\":"),
                         *small_tokenizer().find("12")};
  std::vector<TokenSet> masks;
  for (const Token token : tokens) {
    masks.push_back(*state.mask());
    ASSERT_TRUE(*state.accept(token));
  }
  for (int back = 1; back <= 4; ++back) {
    ASSERT_TRUE(state.rewind(back));
    for (size_t i = tokens.size() - static_cast<size_t>(back); i < tokens.size(); ++i) {
      EXPECT_EQ(*state.mask(), masks[i]);
      ASSERT_TRUE(*state.accept(tokens[i]));
    }
  }
}

TEST(Grammar, ASpecialTokenFollowsOnlyWhereAGrammarNamesIt) {
  auto state = begin(GrammarKind::kLark, "start: <|tool|> /[<|a-z>]+/");
  EXPECT_EQ(allowed(state), (std::set<std::string>{"<|tool|>"}));
  EXPECT_TRUE(*state.accept(*small_tokenizer().find("<|tool|>")));
  EXPECT_FALSE(allowed(state).contains("<|tool|>"));
  EXPECT_TRUE(allowed(state).contains("<"));
}

TEST(Grammar, AKeywordOfJsonSchemaThatIsNotDoneIsRefusedByItsPath) {
  const Error error = refusal(GrammarKind::kJsonSchema, R"({"properties": {"a": {"items": {"not": {}}}}})");
  EXPECT_EQ(error.code, Code::kUnsupported);
  EXPECT_EQ(error.message, "json schema: at #/properties/a/items/not: not is not done");
}

TEST(Grammar, WhatAllowsNoTextIsInvalid) {
  EXPECT_EQ(refusal(GrammarKind::kJsonSchema, R"({"$ref": "#"})").message, "json schema: no token leads on to a text that it allows");
}

TEST(Grammar, WhatIsNoGrammarSaysWhere) {
  EXPECT_EQ(refusal(GrammarKind::kGbnf, "root ::= \"a\" | b").message, "gbnf grammar: line 1, column 16: there is no rule \"b\"");
  EXPECT_EQ(refusal(GrammarKind::kJsonSchema, "{").code, Code::kInvalid);
  EXPECT_EQ(refusal(GrammarKind::kRegex, "a(").code, Code::kInvalid);
  EXPECT_EQ(refusal(GrammarKind::kLark, "start: a").code, Code::kInvalid);
  EXPECT_EQ(refusal(GrammarKind::kChoice, "[]").code, Code::kInvalid);
  EXPECT_EQ(refusal(GrammarKind::kRegex, "\xff").code, Code::kInvalid);
}

// Bodies that ended servers: nested and repeated groups, rules that double one another, references in circles.
TEST(Grammar, ABombIsAnErrorOfItsRequest) {
  const auto nested = [](const std::string& open, const std::string& inside, const std::string& close, int depth) {
    std::string text;
    for (int i = 0; i < depth; ++i) text += open;
    text += inside;
    for (int i = 0; i < depth; ++i) text += close;
    return text;
  };
  std::string doubling = "root ::= r0\n";
  for (int i = 0; i < 60; ++i) doubling += fmt::format("r{} ::= r{} r{}\n", i, i + 1, i + 1);
  doubling += "r60 ::= \"a\"\n";
  std::string all_of = R"({"allOf": [{"$ref": "#/$defs/d0"}], "$defs": {)";
  for (int i = 0; i < 40; ++i)
    all_of +=
        fmt::format(R"("d{}": {{"anyOf": [{{"$ref": "#/$defs/d{}"}}, {{"allOf": [{{"$ref": "#/$defs/d{}"}}, {{"minLength": {}}}]}}]}},)", i,
                    i + 1, i + 1, i);
  all_of += R"("d40": {"type": "string"}}})";
  const GrammarSource bombs[] = {
      {GrammarKind::kGbnf, "root ::= " + nested("(", "\"a\"", ")", 60'000)},
      {GrammarKind::kLark, "start: " + nested("(", "\"a\"", ")", 60'000)},
      {GrammarKind::kRegex, nested("(", "a", ")*", 60'000)},
      {GrammarKind::kJsonSchema, nested(R"({"items":)", "{}", "}", 30'000)},
      {GrammarKind::kRegex, "((((a{1000}){1000}){1000}){1000}){1000}"},
      {GrammarKind::kRegex, "(.*a.{2000}){2000}"},
      {GrammarKind::kGbnf, doubling},
      {GrammarKind::kGbnf, "root ::= root root root | \"\""},
      {GrammarKind::kJsonSchema, all_of},
      {GrammarKind::kJsonSchema, R"({"$ref": "#"})"},
      {GrammarKind::kJsonSchema, R"({"minItems": 1000000, "items": {"minItems": 1000000}})"},
      {GrammarKind::kJsonSchema, R"({"pattern": "(.*a.{500}){500}"})"},
      {GrammarKind::kGbnf, std::string(1 << 20, '#')},
  };
  for (const GrammarSource& bomb : bombs) {
    const auto grammar = Grammar::compile(bomb, small_vocabulary());
    if (!grammar) {
      EXPECT_NE(grammar.error().code, Code::kInternal) << bomb.source.substr(0, 60) << ": " << grammar.error().message;
      continue;
    }
    auto state = *(*grammar)->begin();
    const auto mask = state.mask();
    EXPECT_TRUE(mask || mask.error().code == Code::kTooLong) << mask.error().message;
  }
}

TEST(Grammars, AGrammarIsCompiledOnceAndTheLastOnesAreKept) {
  Grammars grammars(small_tokenizer());
  const auto numbered = [](size_t i) { return GrammarSource{GrammarKind::kRegex, fmt::format("a{{{}}}", i + 1)}; };
  const auto first = *grammars.compile(numbered(0));
  for (size_t i = 0; i < Grammars::kMost; ++i) {
    EXPECT_EQ(*grammars.compile(numbered(0)), first);
    ASSERT_TRUE(grammars.compile(numbered(i)));
  }
  for (size_t i = 0; i < Grammars::kMost; ++i) ASSERT_TRUE(grammars.compile(numbered(100 + i)));
  EXPECT_NE(*grammars.compile(numbered(0)), first);
}

// Documents by drawing uniformly among the allowed tokens; after some, an end is taken where there is one.
class RandomWalk : public ::testing::Test {
 protected:
  static constexpr std::string_view kSchema = R"({
    "type": "object", "additionalProperties": false, "required": ["name", "tags", "size"],
    "properties": {"name": {"type": "string", "maxLength": 12}, "tags": {"type": "array", "maxItems": 4, "items": {"enum": ["a", "b", null]}},
                   "size": {"type": "integer", "minimum": 3, "maximum": 41}, "inner": {"$ref": "#/$defs/inner"}},
    "$defs": {"inner": {"type": "object", "additionalProperties": false, "properties": {"ok": {"type": "boolean"}, "inner": {"$ref": "#/$defs/inner"}}}}})";

  static void walk(const Tokenizer& tokenizer, int documents) {
    const auto vocabulary = GrammarVocabulary::open(tokenizer);
    const auto grammar = Grammar::compile({GrammarKind::kJsonSchema, std::string(kSchema)}, *vocabulary);
    ASSERT_TRUE(grammar) << grammar.error().message;
    std::mt19937 random(7);
    for (int document = 0; document < documents; ++document) {
      GrammarState state = *(*grammar)->begin();
      std::string text;
      for (int length = 0; !*state.is_complete(); ++length) {
        ASSERT_LT(length, 4000) << text;
        const auto mask = state.mask();
        ASSERT_TRUE(mask) << mask.error().message << " after " << text;
        Tokens may;
        for (Token token = 0; token < tokenizer.vocabulary_size(); ++token)
          if (mask->contains(token)) may.push_back(token);
        ASSERT_FALSE(may.empty()) << text;
        const Token token = may[random() % may.size()];
        if (tokenizer.ends_generation(token)) break;
        ASSERT_TRUE(*state.accept(token)) << text;
        text += tokenizer.piece(token);
      }
      check(text);
    }
  }

  static void check(const std::string& text) {
    const auto json = parse_json(text, "document");
    ASSERT_TRUE(json) << json.error().message << "\n" << text;
    const Json::Object* members = json->object();
    ASSERT_NE(members, nullptr) << text;
    for (const char* name : {"name", "tags", "size"}) EXPECT_NE(json->find(name), nullptr) << text;
  }
};

TEST_F(RandomWalk, EveryDocumentHoldsToItsSchema) { walk(small_tokenizer(), 300); }

}  // namespace
}  // namespace halfbyte
