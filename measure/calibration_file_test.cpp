#include "measure/calibration_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace halfbyte {
namespace {

const MachineKey kMachine{.processor = "Fast \"9000\"", .processors = 2, .isa = "avx2", .version = "1.2.3"};
const Calibration kCalibration{.clock_hz = 3.5e9,
                               .pools = {{.threads = 1, .bytes_per_second = 1.55e10, .macs_per_second = 9e10, .barrier_seconds = 1.1e-8},
                                         {.threads = 2, .bytes_per_second = 2.9e10, .macs_per_second = 1.8e11, .barrier_seconds = 2.25e-7}},
                               .kernels = {{.format = "Q4_K", .tokens = 64, .macs_per_second = 1e11}}};

std::string with(std::string_view from, std::string_view to) {
  std::string text = calibration_text(kMachine, kCalibration);
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(CalibrationFile, ReadsBackWhatWasWritten) {
  const auto folder = std::filesystem::path(testing::TempDir()) / ("calibration_file_test." + std::to_string(::getpid()));
  const auto written = write_calibration(folder / "halfbyte" / "machine.json", kMachine, kCalibration);
  ASSERT_TRUE(written) << written.error().message;
  const auto found = read_calibration(folder / "halfbyte" / "machine.json", kMachine);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(*found, kCalibration);
  const auto absent = read_calibration(folder / "other.json", kMachine);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, Code::kNotFound);
  std::filesystem::remove_all(folder);
}

TEST(CalibrationFile, IsNotForAnotherProcessorNumberSetOrVersion) {
  const std::string text = calibration_text(kMachine, kCalibration);
  for (int part = 0; part < 4; ++part) {
    MachineKey other = kMachine;
    if (part == 0) other.processor = "Other";
    if (part == 1) other.processors = 4;
    if (part == 2) other.isa = "scalar";
    if (part == 3) other.version = "1.2.4";
    const auto found = parse_calibration(text, "machine.json", other);
    ASSERT_FALSE(found) << part;
    EXPECT_EQ(found.error().code, Code::kNotFound);
    EXPECT_NE(found.error().message.find("halfbyte 1.2.3; this is "), std::string::npos) << found.error().message;
  }
}

TEST(CalibrationFile, EveryTruncationIsRefused) {
  std::string text = calibration_text(kMachine, kCalibration);
  text.pop_back();  // the newline may go
  for (size_t length = 0; length < text.size(); ++length) {
    const auto found = parse_calibration(text.substr(0, length), "machine.json", kMachine);
    ASSERT_FALSE(found) << length;
    EXPECT_EQ(found.error().code, Code::kCorrupt);
  }
}

TEST(CalibrationFile, SaysWhichFigureIsDamaged) {
  const std::pair<std::string, std::string> damages[] = {
      {with(R"("threads":2)", R"("threads":3)"), "pools: threads: expected 2 to 2, found 3"},
      {with(R"("threads":2)", R"("threads":1)"), "pools: threads: expected 2 to 2, found 1"},
      {with(R"("threads":1)", R"("threads":-1)"), "pools: threads: expected a whole number from 1 to 1024"},
      {with(R"("threads":1)", R"("threads":"1")"), "pools: threads: expected a number"},
      {with(R"("bytes_per_second")", R"("bytes")"), "pools: bytes_per_second: expected a number"},
      {with(R"("tokens":64)", R"("tokens":0)"), "kernels: tokens: expected a whole number from 1 to 1024"},
      {with(R"("kernels":[)", R"("kernels":0,"more":[)"), "kernels: expected a list"},
      {with(R"("pools":[)", R"("pools":[],"more":[)"), "pools: expected at least one, found none"},
      {"[]", "machine: processor: expected text"},
  };
  for (const auto& [text, message] : damages) {
    const auto found = parse_calibration(text, "machine.json", kMachine);
    ASSERT_FALSE(found) << message;
    EXPECT_EQ(found.error().code, Code::kCorrupt);
    EXPECT_EQ(found.error().message, "machine.json: " + message);
  }
}

}  // namespace
}  // namespace halfbyte
