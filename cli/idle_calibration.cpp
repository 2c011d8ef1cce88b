#include "cli/idle_calibration.h"

#include <sys/resource.h>

#include <chrono>

#include "base/cpu.h"
#include "base/errors.h"
#include "base/priority.h"
#include "cli/stored_calibration.h"

namespace halfbyte {
namespace {

// Processor time of all programs but this one.
std::optional<double> others_seconds(const std::vector<int>& processors) {
  rusage own{};
  const auto busy = busy_seconds("/", processors);
  if (!busy || ::getrusage(RUSAGE_SELF, &own) != 0) return std::nullopt;
  const auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec); };
  return *busy - seconds(own.ru_utime) - seconds(own.ru_stime);
}

}  // namespace

Result<Calibration> calibrate_undisturbed(const CalibrationOptions& options) {
  constexpr double kMostOfOthers = 0.1;  // of the processors' time: a desktop's own
  const auto processors = allowed_processors();
  take_lowest_priority();
  const auto begin = std::chrono::steady_clock::now();
  const auto others_before = others_seconds(processors);
  auto measured = calibrate(options);
  const auto others_after = others_seconds(processors);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  const double all = elapsed.count() * static_cast<double>(processors.size());
  if (measured && others_before && others_after && *others_after - *others_before > kMostOfOthers * all)
    return busy("calibration: other programs used the processors");
  return measured;
}

void IdleCalibration::start() {
  thread_ = {};  // the one before ends
  if (file_.empty() || is_done_) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void IdleCalibration::run(const std::stop_token& stop) {
  const auto isa = choose_isa();
  if (!isa) return;
  const MachineFacts facts = machine_facts();
  const MachineKey key = machine_key(facts, *isa);
  if (!read_calibration(file_, key)) {
    CalibrationOptions options = calibration_options(facts, *isa);
    options.stop = stop;
    const auto measured = measure_(options);
    if (!measured || stop.stop_requested()) return;
    (void)write_calibration(file_, key, *measured);  // a folder that cannot be written is no concern of a chat
  }
  is_done_ = true;
}

}  // namespace halfbyte
