#include "cli/reply_printer.h"

#include <gtest/gtest.h>

#include <string>

namespace halfbyte {
namespace {

std::string printed(bool shows_thoughts, bool dims, std::string_view answer) {
  std::string all;
  const auto add = [&](std::string_view text) { all += text; };
  ReplyPrinter printer(shows_thoughts, dims, add, add);
  printer.put(Part::kThought, "h");
  printer.put(Part::kThought, "m");
  printer.put(Part::kAnswer, answer);
  printer.close();
  return all;
}

TEST(ReplyPrinter, ShowsThoughtsApartFromTheAnswer) {
  EXPECT_EQ(printed(true, false, "Yes"), "Thinking...\nhm\n...done thinking.\n\nYes");
  EXPECT_EQ(printed(true, true, "Yes"), "\x1b[2mThinking...\nhm\n...done thinking.\x1b[0m\n\nYes");
}

TEST(ReplyPrinter, LeavesThoughtsOutWhereTheyAreNotWanted) { EXPECT_EQ(printed(false, true, "Yes"), "Yes"); }

TEST(ReplyPrinter, EndsAThoughtThatTheReplyEndedIn) {
  EXPECT_EQ(printed(true, true, ""), "\x1b[2mThinking...\nhm\n...done thinking.\x1b[0m\n\n");
}

}  // namespace
}  // namespace halfbyte
