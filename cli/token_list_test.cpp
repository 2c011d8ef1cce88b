#include "cli/token_list.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

using Tokens = std::vector<Token>;

TEST(TokenList, IsReadInEveryFormThatPeopleAndProgramsWrite) {
  for (const char* text :
       {"1,2,3", "1 2 3", "1, 2\n3\n", "[1,2,3]", " [ 1, 2, 3 ] ", "{\"tokens\":[1,2,3]}", " { \"tokens\" : [1, 2, 3] }\n"})
    EXPECT_EQ(*parse_token_list(text, 10), (Tokens{1, 2, 3})) << text;
  for (const char* text : {"", " \n", "[]", "{\"tokens\":[]}"}) EXPECT_EQ(*parse_token_list(text, 10), Tokens{}) << text;
}

TEST(TokenList, NamesThePlaceOfWhatIsNotAnId) {
  EXPECT_EQ(parse_token_list("1 2 x", 10).error().message, "token ids: byte 5: expected a number, found 'x'");
  EXPECT_EQ(parse_token_list("1.5", 10).error().message, "token ids: byte 1: expected a number, found '1.5'");
  EXPECT_EQ(parse_token_list("{\"other\":[1]}", 10).error().message, "token ids: byte 1: expected a number, found '{\"other\":[1]}'");
}

TEST(TokenList, NamesAnIdThatTheVocabularyDoesNotHave) {
  EXPECT_EQ(parse_token_list("1,10", 10).error().message, "token ids: byte 3: 10 is not in the vocabulary: expected 0 to 9");
  EXPECT_EQ(parse_token_list("-1", 10).error().message, "token ids: byte 1: -1 is not in the vocabulary: expected 0 to 9");
  EXPECT_EQ(parse_token_list("99999999999", 10).error().message,
            "token ids: byte 1: 99999999999 is not in the vocabulary: expected 0 to 9");
}

}  // namespace
}  // namespace halfbyte
