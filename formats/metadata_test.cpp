#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "formats/checkpoint.h"

namespace halfbyte {
namespace {

Metadata sample() {
  Metadata m("x.gguf");
  m.insert("count", uint64_t{8});
  m.insert("signed", int64_t{9});
  m.insert("negative", int64_t{-1});
  m.insert("eps", 1e-5);
  m.insert("zero", 0.0);
  m.insert("nan", std::nan(""));
  m.insert("infinity", std::numeric_limits<double>::infinity());
  m.insert("flag", true);
  m.insert("name", std::string("llama"));
  m.insert("ints", std::vector<int64_t>{-1, 2});
  m.insert("uints", std::vector<uint64_t>{1, 2});
  m.insert("huge", std::vector<uint64_t>{~uint64_t{0}});
  m.insert("floats", std::vector<double>{0.5, -1});
  m.insert("strings", std::vector<std::string>{"a", "b"});
  return m;
}

template <class T>
std::string message(const Result<T>& result) {
  EXPECT_FALSE(result);
  if (result) return {};
  EXPECT_EQ(result.error().code, Code::kCorrupt);
  return result.error().message;
}

}  // namespace

TEST(Metadata, GivesValuesOfTheTypeAskedFor) {
  const Metadata m = sample();
  EXPECT_EQ(*m.unsigned_integer("count", 1, 8), 8U);
  EXPECT_EQ(*m.unsigned_integer("signed", 0, 100), 9U);
  EXPECT_EQ(*m.positive_float("eps"), 1e-5);
  EXPECT_EQ(*m.positive_float("count"), 8.0);  // some writers store 10000 as an integer
  EXPECT_EQ(*m.positive_float("signed"), 9.0);
  EXPECT_EQ(*m.text("name"), "llama");
  EXPECT_EQ(*m.flag_or("flag", false), true);
  EXPECT_EQ(*m.float_or("zero", 1), 0.0);
  EXPECT_EQ(**m.strings("strings"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(*m.integers("ints"), (std::vector<int64_t>{-1, 2}));
  EXPECT_EQ(*m.integers("uints"), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(*m.floats("floats"), (std::vector<float>{0.5F, -1}));
}

TEST(Metadata, GivesTheFallbackWhenAKeyIsAbsent) {
  const Metadata m = sample();
  EXPECT_EQ(*m.unsigned_integer_or("nothing", 5, 6, 3), 3U);
  EXPECT_EQ(*m.unsigned_integer_or("count", 1, 8, 3), 8U);
  EXPECT_EQ(*m.float_or("nothing", 0.25), 0.25);
  EXPECT_EQ(*m.flag_or("nothing", true), true);
  EXPECT_EQ(*m.text_or("nothing", "x"), "x");
  EXPECT_EQ(*m.text_or("name", "x"), "llama");
  EXPECT_EQ(*m.strings("nothing"), nullptr);
  EXPECT_TRUE(m.integers("nothing")->empty());
  EXPECT_TRUE(m.floats("nothing")->empty());
}

TEST(Metadata, TakesNumbersHoweverTheyAreWrittenWhereTheValueIsClear) {
  Metadata m("x.gguf");
  m.insert("whole", 8.0);
  m.insert("minus", -2.0);
  m.insert("one", uint64_t{1});
  m.insert("zero", 0.0);
  m.insert("yes", true);
  m.insert("equal", std::vector<int64_t>{2, 2, 2});
  m.insert("equal floats", std::vector<double>{0.5, 0.5});
  m.insert("equal flags", std::vector<bool>{true, true});
  m.insert("counts", std::vector<uint64_t>{3, 4});
  m.insert("whole floats", std::vector<double>{3, -4});
  m.insert("flags", std::vector<bool>{true, false});
  EXPECT_EQ(*m.unsigned_integer("whole", 0, 9), 8U);
  EXPECT_EQ(*m.unsigned_integer("yes", 0, 9), 1U);
  EXPECT_EQ(*m.unsigned_integer("equal", 0, 9), 2U);
  EXPECT_EQ(*m.positive_float("equal"), 2.0);
  EXPECT_EQ(*m.float_or("equal floats", 0), 0.5);
  EXPECT_TRUE(*m.flag_or("one", false));
  EXPECT_FALSE(*m.flag_or("zero", true));
  EXPECT_TRUE(*m.flag_or("equal flags", false));
  EXPECT_EQ(*m.floats("counts"), (std::vector<float>{3, 4}));
  EXPECT_EQ(*m.floats("whole"), (std::vector<float>{8}));
  EXPECT_EQ(*m.integers("whole floats"), (std::vector<int64_t>{3, -4}));
  EXPECT_EQ(*m.integers("flags"), (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(*m.integers("minus"), (std::vector<int64_t>{-2}));
}

TEST(Metadata, RefusesValuesThatDifferWhereOneIsNeeded) {
  Metadata m("x.gguf");
  m.insert("layers", std::vector<int64_t>{2, 2, 1});
  m.insert("none", std::vector<int64_t>{});
  const auto one = m.unsigned_integer("layers", 0, 9);
  ASSERT_FALSE(one);
  EXPECT_EQ(one.error().code, Code::kUnsupported);
  EXPECT_EQ(one.error().message, "x.gguf: key 'layers': 3 values that differ, 2 and then 1; this build needs one for all layers");
  EXPECT_FALSE(m.float_or("layers", 0));
  EXPECT_EQ(message(m.unsigned_integer("none", 0, 9)), "x.gguf: key 'none': expected unsigned integer, found array of integers");
}

TEST(Metadata, SaysWhichRequiredKeyIsMissing) {
  const Metadata m = sample();
  EXPECT_EQ(message(m.unsigned_integer("nothing", 0, 1)), "x.gguf: required key 'nothing' is missing");
  EXPECT_EQ(message(m.positive_float("nothing")), "x.gguf: required key 'nothing' is missing");
  EXPECT_EQ(message(m.text("nothing")), "x.gguf: required key 'nothing' is missing");
}

TEST(Metadata, SaysWhatWasExpectedAndWhatWasFound) {
  const Metadata m = sample();
  EXPECT_EQ(message(m.unsigned_integer("name", 0, 1)), "x.gguf: key 'name': expected unsigned integer, found string");
  EXPECT_EQ(message(m.unsigned_integer_or("eps", 0, 1, 0)), "x.gguf: key 'eps': expected unsigned integer, found float");
  EXPECT_EQ(message(m.positive_float("flag")), "x.gguf: key 'flag': expected float, found bool");
  EXPECT_EQ(message(m.float_or("strings", 0)), "x.gguf: key 'strings': expected float, found array of strings");
  EXPECT_EQ(message(m.text("count")), "x.gguf: key 'count': expected string, found unsigned integer");
  EXPECT_EQ(message(m.text_or("signed", "")), "x.gguf: key 'signed': expected string, found integer");
  EXPECT_EQ(message(m.flag_or("count", false)), "x.gguf: key 'count': expected bool, found unsigned integer");
  EXPECT_EQ(message(m.strings("floats")), "x.gguf: key 'floats': expected array of strings, found array of floats");
  EXPECT_EQ(message(m.integers("strings")), "x.gguf: key 'strings': expected array of integers, found array of strings");
  EXPECT_EQ(message(m.floats("strings")), "x.gguf: key 'strings': expected array of floats, found array of strings");
  EXPECT_EQ(message(m.integers("floats")), "x.gguf: key 'floats': expected array of integers, found array of floats");
}

TEST(Metadata, RefusesValuesOutOfRange) {
  const Metadata m = sample();
  EXPECT_EQ(message(m.unsigned_integer("count", 1, 7)), "x.gguf: key 'count': 8 is out of range 1 to 7");
  EXPECT_EQ(message(m.unsigned_integer("count", 9, 10)), "x.gguf: key 'count': 8 is out of range 9 to 10");
  EXPECT_EQ(message(m.unsigned_integer("negative", 0, 7)), "x.gguf: key 'negative': -1 is out of range 0 to 7");
  EXPECT_EQ(message(m.positive_float("zero")), "x.gguf: key 'zero': must be finite and > 0, found 0");
  EXPECT_EQ(message(m.positive_float("nan")), "x.gguf: key 'nan': must be finite and > 0, found nan");
  EXPECT_EQ(message(m.positive_float("infinity")), "x.gguf: key 'infinity': must be finite and > 0, found inf");
  EXPECT_EQ(message(m.float_or("nan", 1)), "x.gguf: key 'nan': must be finite, found nan");
  EXPECT_EQ(message(m.integers("huge")), "x.gguf: key 'huge': element 18446744073709551615 is out of range");
}

TEST(Metadata, KeepsTheFirstOfTwoValues) {
  Metadata m;
  EXPECT_TRUE(m.insert("a", uint64_t{1}));
  EXPECT_FALSE(m.insert("a", uint64_t{2}));
  EXPECT_EQ(*m.unsigned_integer("a", 0, 9), 1U);
  EXPECT_EQ(m.all().size(), 1U);
}

}  // namespace halfbyte
