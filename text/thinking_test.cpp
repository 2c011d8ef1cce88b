#include "text/thinking.h"

#include <gtest/gtest.h>

#include "text/small_vocabulary.h"

namespace halfbyte {
namespace {

const Tokenizer& tokenizer() {
  static const auto opened = *Tokenizer::open(byte_vocabulary().add("<think>").add("</think>").add("</").add("think>x"));
  return *opened;
}

void accept(Thinking& thinking, std::initializer_list<std::string_view> texts) {
  for (const auto text : texts) thinking.accept(*tokenizer().find(text));
}

const ThinkingMarkers kMarkers = {.open = "<think>", .close = "</think>"},
                      kBegun = {.open = "<think>", .close = "</think>", .has_begun = true};

TEST(Thinking, BeginsWithItsMarkerHoweverThatIsCut) {
  for (const auto& texts :
       {std::initializer_list<std::string_view>{"<think>"}, {"<", "t", "h", "i", "n", "k", ">"}, {"\u010A", "<think>"}}) {
    Thinking thinking(kMarkers, tokenizer());
    EXPECT_TRUE(thinking.is_at_beginning());
    accept(thinking, texts);
    EXPECT_TRUE(thinking.is_inside());
    EXPECT_EQ(thinking.tokens(), 0) << "the marker is none of the thought";
    accept(thinking, {"a", "b"});
    EXPECT_EQ(thinking.tokens(), 2);
  }
}

TEST(Thinking, AnAnswerIsNoThought) {
  Thinking thinking(kMarkers, tokenizer());
  accept(thinking, {"<", "t", "a", "<think>"});
  EXPECT_FALSE(thinking.is_inside());
}

TEST(Thinking, EndsWithItsMarkerHoweverThatIsCut) {
  for (const auto& texts :
       {std::initializer_list<std::string_view>{"</think>"}, {"</", "think>x"}, {"</", "</", "t", "h", "i", "n", "k", ">"}}) {
    Thinking thinking(kBegun, tokenizer());
    accept(thinking, {"z"});
    EXPECT_TRUE(thinking.is_inside());
    accept(thinking, texts);
    EXPECT_FALSE(thinking.is_inside());
  }
}

TEST(Thinking, KnowsWhatOfTheClosingMarkerHasBeenSaid) {
  Thinking thinking(kBegun, tokenizer());
  EXPECT_EQ(thinking.begun_close(), "");
  accept(thinking, {"z", "</", "t"});
  EXPECT_EQ(thinking.begun_close(), "</t");
  accept(thinking, {"z"});
  EXPECT_EQ(thinking.begun_close(), "");
}

TEST(Thinking, GoesBackAsItCame) {
  Thinking thinking(kMarkers, tokenizer());
  accept(thinking, {"<think>", "z", "</think>"});
  thinking.rewind(1);
  EXPECT_TRUE(thinking.is_inside());
  EXPECT_EQ(thinking.tokens(), 1);
  thinking.rewind(2);
  EXPECT_TRUE(thinking.is_at_beginning());
}

}  // namespace
}  // namespace halfbyte
