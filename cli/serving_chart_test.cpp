#include "cli/serving_chart.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

TEST(ServingChart, ACurveGoesFromTheLeastValueToTheGreatest) {
  const ChartCurve curve{.name = "first token", .seconds = {0.1, 0.001, 0.01}};
  const std::string chart = serving_chart("title", {&curve, 1});
  // Two decades over 640 from 60; heights of 1/3, 2/3 and all of 320 above 360.
  EXPECT_NE(chart.find("points=\"60.0,360.0 60.0,253.3 380.0,146.7 700.0,40.0 \""), std::string::npos) << chart;
  for (const char* text : {">first token<", ">1 ms<", ">10 ms<", ">100 ms<", ">50 %<"})
    EXPECT_NE(chart.find(text), std::string::npos) << text;
}

TEST(ServingChart, ManyValuesGiveACurveOfBoundedSize) {
  const ChartCurve curve{.name = "inter-token", .seconds = std::vector<double>(100000, 0.01)};
  EXPECT_LT(serving_chart("title", {&curve, 1}).size(), 20000U);
}

TEST(ServingChart, WhatHasNoValuesHasNoCurve) {
  const ChartCurve curve{.name = "inter-token"};
  const std::string chart = serving_chart("title", {&curve, 1});
  EXPECT_EQ(chart.find("polyline"), std::string::npos);
  EXPECT_TRUE(chart.ends_with("</svg>\n"));
}

TEST(ServingChart, ATitleIsTextWhateverIsInIt) {
  const std::string chart = serving_chart("<a & \"b\">", {});
  EXPECT_NE(chart.find(">&lt;a &amp; \"b\"&gt;</text>"), std::string::npos);
}

TEST(ServingChart, ATimeOfNothingHasAPlace) {
  const ChartCurve curve{.name = "queue", .seconds = {0, 1}};
  const std::string chart = serving_chart("title", {&curve, 1});
  for (const char* text : {"nan", "inf"}) EXPECT_EQ(chart.find(text), std::string::npos);
}

}  // namespace
}  // namespace halfbyte
