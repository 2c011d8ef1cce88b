#include "base/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/json_writer.h"

namespace halfbyte {
namespace {

std::string refusal(std::string_view text) {
  const auto json = parse_json(text, "here");
  return json ? "accepted" : json.error().message;
}

TEST(Json, ReadsEveryKindOfValue) {
  const auto json = parse_json(R"({"a": [1, -2, 18446744073709551615, 0.5, true, null, "x\u00e9\n"], "b": {}})", "here");
  ASSERT_TRUE(json) << json.error().message;
  const Json::Array& a = *json->find("a")->array();
  EXPECT_EQ(std::get<int64_t>(a[0].value), 1);
  EXPECT_EQ(std::get<int64_t>(a[1].value), -2);
  EXPECT_EQ(std::get<uint64_t>(a[2].value), UINT64_MAX);
  EXPECT_EQ(std::get<double>(a[3].value), 0.5);
  EXPECT_TRUE(std::get<bool>(a[4].value));
  EXPECT_TRUE(std::holds_alternative<std::nullptr_t>(a[5].value));
  EXPECT_EQ(*a[6].text(), "x\xc3\xa9\n");
  EXPECT_TRUE(json->find("b")->object()->empty());
  EXPECT_EQ(json->find("c"), nullptr);
}

TEST(Json, ReadsFloatsToTheLastBit) {
  // Shortest forms whose digits times a power of ten would round to a neighbour; 1e23 lies between two doubles.
  for (const auto& [text, number] : {std::pair{"3.5844466002796428e+298", 3.5844466002796428e+298},
                                     {"1e23", 1e23},
                                     {"9007199254740993.5", 9007199254740993.5},
                                     {"5e-324", 5e-324},
                                     {"0.1", 0.1},
                                     {"2.2250738585072011e-308", 2.2250738585072011e-308},
                                     {"179769313486231570.0e291", 179769313486231570.0e291}}) {
    const auto json = parse_json(text, "here");
    ASSERT_TRUE(json) << json.error().message;
    EXPECT_EQ(std::get<double>(json->value), number) << text;
  }
}

TEST(Json, RefusesADuplicateKeyHoweverItIsSpelled) {
  EXPECT_EQ(refusal(R"({"a": 1, "a": 2})"), "here: not valid JSON: duplicate key 'a' before byte 11");
  EXPECT_EQ(refusal(R"({"a": 1, "\u0061": 2})"), "here: not valid JSON: duplicate key 'a' before byte 16");
  EXPECT_EQ(refusal(R"([{"a": 1}, {"a": 2}])"), "accepted");
}

TEST(Json, RefusesWhatIsNotJsonAndSaysWhere) {
  for (const std::string text : {"", "{", "[1,]", "nan", "'a'", "01", "// x\n1", "\"\xff\"", "\"\\ud800\""})
    EXPECT_TRUE(refusal(text).starts_with("here: not valid JSON")) << text << ": " << refusal(text);
  EXPECT_EQ(refusal("{} x"), "here: not valid JSON: more text after the value, at byte 3");
}

std::string python(std::string_view text) {
  const auto json = parse_json(text, "here", JsonForm::kPython);
  return json ? JsonWriter().value(*json).take() : json.error().message;
}

TEST(Json, NumbersThatAreNotFiniteAreReadWherePythonsFormIs) {
  const auto json =
      parse_json(R"({"a": [1, NaN, -2.5e-3, Infinity, "NaN 1 \" Infinity", -Infinity, 7], "NaN": NaN})", "here", JsonForm::kPython);
  ASSERT_TRUE(json) << json.error().message;
  const Json::Array& a = *json->find("a")->array();
  const auto number = [&](size_t i) { return std::get<double>(a[i].value); };
  EXPECT_EQ(std::get<int64_t>(a[0].value), 1);
  EXPECT_TRUE(std::isnan(number(1)));
  EXPECT_EQ(number(2), -2.5e-3);
  EXPECT_EQ(number(3), std::numeric_limits<double>::infinity());
  EXPECT_EQ(*a[4].text(), "NaN 1 \" Infinity");
  EXPECT_EQ(number(5), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(std::get<int64_t>(a[6].value), 7);
  EXPECT_TRUE(std::isnan(std::get<double>(json->find("NaN")->value)));
  for (const std::string text : {"NaN", "[Infinity]", "-Infinity", "\xef\xbb\xbf{}"}) {
    EXPECT_NE(refusal(text), "accepted") << text;
    EXPECT_EQ(python(text).find("not valid"), std::string::npos) << text;
  }
}

TEST(Json, PythonsFormIsNoLooserOtherwise) {
  for (const std::string text :
       {"nan", "NaNs", "+Infinity", "--Infinity", "1NaN", "NaN1", "NaN.5", "[Infinity,]", "{Infinity: 1}", "inf", "\"\\"})
    EXPECT_TRUE(python(text).starts_with("here: not valid JSON")) << text << ": " << python(text);
  EXPECT_EQ(python(R"({"a": NaN, "a": 2})"), "here: not valid JSON: duplicate key 'a' before byte 13");
}

TEST(Json, RefusesDeepNestingWithoutOverflowingTheStack) {
  EXPECT_EQ(refusal(std::string(64, '[') + std::string(64, ']')), "accepted");
  EXPECT_NE(refusal(std::string(65, '[') + std::string(65, ']')), "accepted");
  EXPECT_NE(refusal(std::string(1000000, '[')), "accepted");
}

TEST(Json, TakesStringsThatAreNotUtf8WhereItIsAskedTo) {
  const std::string half = "\"\xED\xA0\xBD\"";
  EXPECT_FALSE(parse_json(half, "here"));
  const auto json = parse_json(half, "here", JsonForm::kAnyBytes);
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_EQ(*json->text(), "\xED\xA0\xBD");
}

}  // namespace
}  // namespace halfbyte
