#include "base/json_writer.h"

#include <gtest/gtest.h>

#include <limits>

namespace halfbyte {
namespace {

TEST(JsonWriter, PutsCommasBetweenMembersAndItemsOnly) {
  JsonWriter out;
  out.begin_object().member("a", 1).key("b").begin_array().value(true).begin_array().end_array().value("x").end_array();
  out.member("c", std::optional<int>{}).member("d", std::vector<int>{1, 2}).end_object();
  EXPECT_EQ(out.take(), R"({"a":1,"b":[true,[],"x"],"c":null,"d":[1,2]})");
}

TEST(JsonWriter, WritesTheShortestFloatThatReadsBackToTheSameBits) {
  JsonWriter out;
  out.begin_array().value(0.1F).value(0.1).value(-0.0F).value(1e30F).value(16777216.0F).end_array();
  EXPECT_EQ(out.take(), "[0.1,0.1,-0,1e+30,16777216]");
}

TEST(JsonWriter, WritesNullForWhatJsonCannotSay) {
  JsonWriter out;
  out.begin_array().value(std::numeric_limits<float>::quiet_NaN()).value(std::numeric_limits<double>::infinity()).end_array();
  EXPECT_EQ(out.take(), "[null,null]");
}

TEST(JsonWriter, EscapesWhatTextMayNotHold) {
  EXPECT_EQ(JsonWriter().value("a\"\\\n\x01\xc3\xa9").take(), "\"a\\\"\\\\\\n\\u0001\xc3\xa9\"");
  JsonWriter whole, broken;
  EXPECT_FALSE(whole.value("\xef\xbf\xbd").has_repaired());
  EXPECT_EQ(broken.value("x\xff\xe2\x82").take(), "\"x\xef\xbf\xbd\xef\xbf\xbd\"");
  EXPECT_TRUE(broken.has_repaired());
}

TEST(JsonWriter, WritesAnyTextAsAStringThatReadsBack) {
  const std::string text = "quote \" backslash \\ controls \x01\x1f\n\t\r slash / \xe2\x82\xac";
  const auto json = parse_json(JsonWriter().value(text).take(), "here");
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_EQ(*json->text(), text);
}

TEST(JsonWriter, WritesWhatItReads) {
  for (const std::string text :
       {R"({"a":[1,-2,18446744073709551615,0.1,1e+300,true,false,null],"b\"\n":{"ü":"\u0001"},"c":[],"d":{}})", "[]", "\"x\"", "-0.5"}) {
    const auto json = parse_json(text, "text");
    ASSERT_TRUE(json) << json.error().message;
    EXPECT_EQ(json_text(*json), text);
  }
  EXPECT_EQ(json_text({std::numeric_limits<double>::infinity()}), "null");
}

}  // namespace
}  // namespace halfbyte
