// Measures the machine while a person reads an answer and types, so that the next start knows how many threads suit it.
#pragma once

#include <filesystem>
#include <functional>
#include <thread>

#include "measure/calibration_file.h"

namespace halfbyte {

// calibrate() in a thread of the lowest priority. kBusy: stopped, or other programs used the processors meanwhile.
Result<Calibration> calibrate_undisturbed(const CalibrationOptions& options);

class IdleCalibration {
 public:
  using Measure = std::function<Result<Calibration>(const CalibrationOptions&)>;

  // Keeps what it measures in `file`, written whole or not at all. Empty: nothing is measured.
  explicit IdleCalibration(std::filesystem::path file, Measure measure = calibrate_undisturbed)
      : file_(std::move(file)), measure_(std::move(measure)) {}

  // Begins in the background, unless the file holds for this machine or has been written.
  void start();
  // Ends within milliseconds and leaves the file as it was; does not wait for that.
  void stop() { thread_.request_stop(); }

 private:
  void run(const std::stop_token& stop);

  std::filesystem::path file_;
  Measure measure_;
  bool is_done_ = false;  // nothing is left to measure; of the thread while there is one
  std::jthread thread_;   // last: it ends before what it uses
};

}  // namespace halfbyte
