#include "engine/stop_scanner.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

std::string all_of(StopScanner scanner, const std::vector<std::string>& pieces) {
  std::string out;
  for (const std::string& piece : pieces) out += scanner.push(piece);
  return scanner.found() ? out : out + scanner.finish();
}

TEST(StopScanner, EndsBeforeTheStopStringHoweverTheTextIsCut) {
  const std::string text = "one two STOP three";
  for (size_t a = 0; a <= text.size(); ++a)
    for (size_t b = a; b <= text.size(); ++b) {
      const std::vector<std::string> pieces{text.substr(0, a), text.substr(a, b - a), text.substr(b)};
      EXPECT_EQ(all_of(StopScanner({"STOP", "STOPS"}), pieces), "one two ");
    }
}

TEST(StopScanner, AFalseStartIsReleased) { EXPECT_EQ(all_of(StopScanner({"###"}), {"a##", "b"}), "a##b"); }

TEST(StopScanner, WhatMayBeginAStopIsHeldUntilItIsClear) {
  StopScanner scanner({"\n\nUser"});
  EXPECT_EQ(scanner.push("hi\n"), "hi");
  EXPECT_EQ(scanner.push("\nU"), "");
  EXPECT_EQ(scanner.push("p"), "\n\nUp");
}

TEST(StopScanner, TheEarliestOfSeveralCounts) { EXPECT_EQ(all_of(StopScanner({"cc", "b"}), {"abcc"}), "a"); }

TEST(StopScanner, TheEndReleasesWhatWasHeld) { EXPECT_EQ(all_of(StopScanner({"END"}), {"the EN"}), "the EN"); }

TEST(StopScanner, WithoutStopsNothingIsHeld) {
  StopScanner scanner({});
  EXPECT_EQ(scanner.push("abc"), "abc");
}

}  // namespace
}  // namespace halfbyte
