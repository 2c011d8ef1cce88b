#include "base/errors.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

Result<int> number(bool is_there) {
  if (!is_there) return not_found("no number here");
  return 7;
}

Result<int> twice(bool is_there) {
  int place = 0;
  HB_TRY_INTO(place, number(is_there));
  HB_TRY_ASSIGN(again, number(is_there));
  return place + again;
}

TEST(Result, AFailureIsReturnedWhereItIsMetAndAValueGoesOn) {
  EXPECT_EQ(*twice(true), 14);
  EXPECT_EQ(twice(false).error().message, "no number here");
}

TEST(Result, TheValueOfAFailureStopsWithItsMessage) {
  const Result<int> failed = number(false);
  EXPECT_DEATH((void)*failed, "failed Result was used: no number here");
  const Result<std::string> text = not_found("no text here");
  EXPECT_DEATH((void)text->size(), "no text here");
}

TEST(Result, TheErrorOfASuccessStops) {
  EXPECT_DEATH((void)number(true).error(), "has none");
  EXPECT_DEATH((void)Result<void>().error(), "has none");
}

TEST(Errors, EveryCodeHasItsRow) {
  for (const Code code : {Code::kInvalid, Code::kCorrupt, Code::kUnsupported, Code::kNotFound, Code::kIo, Code::kBusy, Code::kTooLong,
                          Code::kNumeric, Code::kInternal})
    EXPECT_EQ(row(code).code, code);
}

}  // namespace
}  // namespace halfbyte
