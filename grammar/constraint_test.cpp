#include "grammar/constraint.h"

#include <gtest/gtest.h>

#include <set>

#include "text/small_vocabulary.h"

namespace halfbyte {
namespace {

const Tokenizer& tokenizer() {
  static const auto opened = *Tokenizer::open(
      byte_vocabulary().add("<|im_end|>", 3).add("<think>").add("</think>").add("ab").add("</").add("think>x").add("think>\u010A"));
  return *opened;
}

Token token(std::string_view text) { return *tokenizer().find(text); }

std::unique_ptr<Constraint> begin(const std::string& regex, std::optional<ThinkingMarkers> thinking = {}) {
  static const GrammarVocabulary vocabulary = *GrammarVocabulary::open(tokenizer());
  const auto grammar = Grammar::compile({GrammarKind::kRegex, regex}, vocabulary);
  return *Constraint::begin(**grammar, tokenizer(), std::move(thinking));
}

std::set<Token> allowed(Constraint& constraint) {
  const auto words = *constraint.allowed();
  std::set<Token> tokens;
  for (Token t = 0; t < tokenizer().vocabulary_size(); ++t)
    if (words[static_cast<size_t>(t) / 32] >> (t % 32) & 1) tokens.insert(t);
  return tokens;
}

void accept(Constraint& constraint, std::initializer_list<std::string_view> texts) {
  for (const auto text : texts) {
    EXPECT_TRUE(allowed(constraint).contains(token(text))) << text;
    const auto accepted = constraint.accept(token(text));
    ASSERT_TRUE(accepted) << accepted.error().message;
  }
}

const ThinkingMarkers kMarkers = {.open = "<think>", .close = "</think>"};

TEST(Constraint, IsCompleteWhenTheTextIsWholeAndNothingMayFollow) {
  const auto constraint = begin("abc?");
  accept(*constraint, {"a", "b"});
  EXPECT_EQ(allowed(*constraint), (std::set<Token>{token("c"), token("<|im_end|>")}));
  EXPECT_FALSE(constraint->is_complete());
  accept(*constraint, {"<|im_end|>"});
  EXPECT_TRUE(constraint->is_complete());
  ASSERT_TRUE(constraint->rewind(1));
  EXPECT_FALSE(constraint->is_complete());
  accept(*constraint, {"c"});
  EXPECT_TRUE(constraint->is_complete());
}

TEST(Constraint, AReplyMayBeginWithThinkingOrWithTheAnswer) {
  EXPECT_EQ(allowed(*begin("a", kMarkers)), (std::set<Token>{token("a"), token("<think>")}));
  const auto answered = begin("aa", kMarkers);
  accept(*answered, {"a"});
  EXPECT_EQ(allowed(*answered), (std::set<Token>{token("a")}));
}

TEST(Constraint, ThinkingIsFreeButDoesNotEndTheReply) {
  const auto constraint = begin("a", kMarkers);
  accept(*constraint, {"<think>"});
  EXPECT_EQ(allowed(*constraint).size(), static_cast<size_t>(tokenizer().vocabulary_size()) - 1);
  EXPECT_FALSE(allowed(*constraint).contains(token("<|im_end|>")));
  accept(*constraint, {"z", "<think>", "ab", "</think>"});
  EXPECT_EQ(allowed(*constraint), (std::set<Token>{token("a")}));
}

TEST(Constraint, ThinkingMayHaveBegunInThePrompt) {
  const auto constraint = begin("a", ThinkingMarkers{"<think>", "</think>", true});
  accept(*constraint, {"z", "</", "t", "h", "i", "n", "k", ">"});
  EXPECT_EQ(allowed(*constraint), (std::set<Token>{token("a")}));
}

TEST(Constraint, NoTokenEndsThinkingAndBeginsTheAnswer) {
  const auto constraint = begin("x", ThinkingMarkers{"<think>", "</think>", true});
  EXPECT_TRUE(allowed(*constraint).contains(token("think>x")));
  accept(*constraint, {"</"});
  EXPECT_FALSE(allowed(*constraint).contains(token("think>x")));
  EXPECT_TRUE(allowed(*constraint).contains(token("think>\u010A")));
}

TEST(Constraint, RewindingGoesBackThroughTheAnswerIntoThinking) {
  const auto constraint = begin("abc", kMarkers);
  std::vector<std::set<Token>> masks;
  const std::initializer_list<std::string_view> texts = {"<think>", "z", "</think>", "ab", "c"};
  for (const auto text : texts) {
    masks.push_back(allowed(*constraint));
    accept(*constraint, {text});
  }
  for (int back = 1; back <= 5; ++back) {
    ASSERT_TRUE(constraint->rewind(back));
    for (size_t i = texts.size() - static_cast<size_t>(back); i < texts.size(); ++i) {
      EXPECT_EQ(allowed(*constraint), masks[i]) << back << " " << i;
      accept(*constraint, {texts.begin()[i]});
    }
    EXPECT_TRUE(constraint->is_complete());
  }
}

TEST(Constraint, ATokenThatWasNotAllowedIsAnErrorOfOurs) {
  const auto constraint = begin("abc");
  const auto accepted = constraint->accept(token("z"));
  ASSERT_FALSE(accepted);
  EXPECT_EQ(accepted.error().code, Code::kInternal);
}

}  // namespace
}  // namespace halfbyte
