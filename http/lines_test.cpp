#include "http/lines.h"

#include <gtest/gtest.h>

#include <vector>

namespace halfbyte {
namespace {

TEST(LineReader, GivesTheSameLinesWhereverTheBytesAreCut) {
  const std::string text = "one\r\n\nGr\xC3\xBC\xC3\x9F\nrest";
  for (size_t step = 1; step <= text.size(); ++step) {
    LineReader reader;
    std::vector<std::string> lines;
    for (size_t at = 0; at < text.size(); at += step) {
      const auto more = reader.feed(std::string_view(text).substr(at, step), [&](std::string_view line) {
        lines.emplace_back(line);
        return true;
      });
      ASSERT_TRUE(more && *more);
    }
    EXPECT_EQ(lines, (std::vector<std::string>{"one", "", "Gr\xC3\xBC\xC3\x9F"}));
    EXPECT_EQ(reader.rest(), "rest");
  }
}

TEST(LineReader, StopsWhenEnoughLinesWereSeen) {
  LineReader reader;
  int lines = 0;
  const auto more = reader.feed("a\nb\nc\n", [&](std::string_view) { return ++lines < 2; });
  ASSERT_TRUE(more);
  EXPECT_FALSE(*more);
  EXPECT_EQ(lines, 2);
}

TEST(LineReader, RefusesALineWithoutEnd) {
  LineReader reader(10);
  ASSERT_TRUE(reader.feed("0123456789", [](std::string_view) { return true; }));
  const auto more = reader.feed("x", [](std::string_view) { return true; });
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, Code::kTooLong);
}

TEST(ServerSentEvents, JoinsDataLinesAndPassesOverTheRest) {
  ServerSentEvents events;
  std::vector<std::string> seen;
  for (const char* line : {": a comment", "", "event: x", "data: one", "", "data:two", "data: three", "id: 1", "", "", "data: cut"})
    if (auto event = events.take(line)) seen.push_back(*event);
  EXPECT_EQ(seen, (std::vector<std::string>{"one", "two\nthree"}));
}

}  // namespace
}  // namespace halfbyte
