#include "cli/idle_calibration.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "base/errors.h"
#include "cli/stored_calibration.h"

namespace halfbyte {
namespace {

const Calibration kMeasured{.pools = {{.threads = 1, .bytes_per_second = 1.5e10, .macs_per_second = 9e10, .barrier_seconds = 1e-8}},
                            .kernels = {{.format = "Q4_K", .tokens = 64, .macs_per_second = 1e11}}};

class IdleCalibrationTest : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(folder_); }
  Result<Calibration> stored() const { return read_calibration(file_, machine_key(machine_facts(), *choose_isa())); }

  std::filesystem::path folder_ = std::filesystem::path(testing::TempDir()) / ("idle_calibration_test." + std::to_string(::getpid()));
  std::filesystem::path file_ = folder_ / "halfbyte" / "machine.json";
};

TEST_F(IdleCalibrationTest, KeepsWhatItMeasuredAndIsThenDone) {
  std::atomic<int> times{0};
  {
    IdleCalibration calibration(file_, [&](const CalibrationOptions& options) -> Result<Calibration> {
      EXPECT_EQ(options.most_threads, processors_available());
      ++times;
      return kMeasured;
    });
    calibration.start();
    while (!stored()) std::this_thread::yield();
    calibration.stop();
    calibration.start();
  }
  EXPECT_EQ(*stored(), kMeasured);
  EXPECT_EQ(times, 1);
}

TEST_F(IdleCalibrationTest, LeavesNothingBehindWhenItIsStopped) {
  IdleCalibration calibration(file_, [&](const CalibrationOptions& options) -> Result<Calibration> {
    while (!options.stop.stop_requested()) std::this_thread::yield();
    return kMeasured;
  });
  for (int line = 0; line < 3; ++line) {
    calibration.start();
    calibration.stop();
  }
  EXPECT_FALSE(std::filesystem::exists(folder_));
}

TEST_F(IdleCalibrationTest, TriesAgainAtTheNextLineWhenItWasDisturbed) {
  std::atomic<int> times{0};
  IdleCalibration calibration(file_, [&](const CalibrationOptions&) -> Result<Calibration> {
    if (++times == 1) return busy("disturbed");
    return kMeasured;
  });
  calibration.start();
  while (times == 0) std::this_thread::yield();
  EXPECT_FALSE(stored());
  calibration.start();
  while (!stored()) std::this_thread::yield();
  EXPECT_EQ(times, 2);
}

TEST_F(IdleCalibrationTest, MeasuresNothingWhereTheFileHoldsForThisMachineOrThereIsNone) {
  const auto never = [](const CalibrationOptions&) -> Result<Calibration> {
    ADD_FAILURE() << "measured";
    return kMeasured;
  };
  ASSERT_TRUE(write_calibration(file_, machine_key(machine_facts(), *choose_isa()), kMeasured));
  IdleCalibration(file_, never).start();
  IdleCalibration({}, never).start();
}

TEST_F(IdleCalibrationTest, MeasuresWhereTheFileIsOfAnotherMachine) {
  MachineKey other = machine_key(machine_facts(), *choose_isa());
  other.processor += " of another machine";
  ASSERT_TRUE(write_calibration(file_, other, kMeasured));
  IdleCalibration calibration(file_, [](const CalibrationOptions&) -> Result<Calibration> { return kMeasured; });
  calibration.start();
  while (!stored()) std::this_thread::yield();
}

TEST_F(IdleCalibrationTest, IsSilentAndDoneWhereTheFileCannotBeWritten) {
  std::filesystem::create_directories(file_);  // a folder in its place
  std::atomic<int> times{0};
  {
    IdleCalibration calibration(file_, [&](const CalibrationOptions&) -> Result<Calibration> {
      ++times;
      return kMeasured;
    });
    calibration.start();
    while (times == 0) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));  // a stop before it is done would undo it
    calibration.start();
  }
  EXPECT_EQ(times, 1);
  const std::filesystem::directory_iterator left(file_.parent_path());
  EXPECT_EQ(std::distance(begin(left), end(left)), 1);
}

}  // namespace
}  // namespace halfbyte
