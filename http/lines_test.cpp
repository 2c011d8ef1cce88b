#include "http/lines.h"

#include <gtest/gtest.h>

#include <vector>

namespace halfbyte {
namespace {

const std::string kMark = "\xEF\xBB\xBF";

std::vector<std::string> lines_of(LineReader& reader, const std::string& text, size_t step) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size(); at += step) {
    const auto more = reader.feed(std::string_view(text).substr(at, step), [&](std::string_view line) {
      lines.emplace_back(line);
      return true;
    });
    EXPECT_TRUE(more && *more);
  }
  return lines;
}

TEST(LineReader, GivesTheSameLinesWhereverTheBytesAreCut) {
  const std::string text = kMark + "one\r\n\r\ntwo\rthree\n\nGr\xC3\xBC\xC3\x9F\r\rrest";
  for (size_t step = 1; step <= text.size(); ++step) {
    LineReader reader;
    EXPECT_EQ(lines_of(reader, text, step), (std::vector<std::string>{"one", "", "two", "three", "", "Gr\xC3\xBC\xC3\x9F", ""}));
    EXPECT_EQ(reader.rest(), "rest");
  }
}

TEST(LineReader, GivesALineAsSoonAsItsEndIsThere) {
  LineReader reader;
  EXPECT_EQ(lines_of(reader, "one\r", 4), (std::vector<std::string>{"one"}));
  EXPECT_EQ(lines_of(reader, "\ntwo\n", 5), (std::vector<std::string>{"two"}));
}

TEST(LineReader, TakesOffOneByteOrderMarkAtTheBeginning) {
  LineReader reader;
  EXPECT_EQ(lines_of(reader, kMark + "a\n" + kMark + "b\n", 1), (std::vector<std::string>{"a", kMark + "b"}));
  LineReader cut;
  lines_of(cut, kMark, 1);
  EXPECT_EQ(cut.rest(), "");
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

TEST(ServerSentEvents, AreReadAsTheStandardWritesThem) {
  ServerSentEvents events;
  std::vector<ServerSentEvent> seen;
  for (const char* line : {": a comment", "", "event: message", "data: one", "data:two", "id: 1", "retry: 9", "unknown: x", "", "", "data",
                           "", "event: error", "", "data:  a", "", "data: cut"})
    if (auto event = events.take(line)) seen.push_back(*event);
  EXPECT_EQ(seen, (std::vector<ServerSentEvent>{{"one\ntwo", "message"}, {"", ""}, {" a", ""}}));
  EXPECT_EQ(events.rest(), (ServerSentEvent{"cut", ""}));
  EXPECT_EQ(events.rest(), std::nullopt);
}

}  // namespace
}  // namespace halfbyte
