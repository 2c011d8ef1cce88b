#include "cli/stored_calibration.h"

#include <algorithm>
#include <cstdlib>

namespace halfbyte {

std::filesystem::path calibration_file_from_environment() {
  const auto variable = [](const char* name) -> std::filesystem::path {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  std::filesystem::path cache = variable("XDG_CACHE_HOME");
  if (!cache.is_absolute()) {  // a relative one is to be ignored, says the XDG specification
    const std::filesystem::path home = variable("HOME");
    if (!home.is_absolute()) return {};
    cache = home / ".cache";
  }
  return cache / "halfbyte" / "machine.json";
}

MachineKey machine_key(const MachineFacts& facts, Isa isa) {
  return {.processor = facts.processor, .processors = facts.processors, .isa = std::string(name(isa)), .version = HALFBYTE_VERSION};
}

CalibrationOptions calibration_options(const MachineFacts& facts, Isa isa) {
  CalibrationOptions options{.isa = isa, .most_threads = facts.usable_processors()};
  if (facts.available_bytes) options.bytes = std::min<size_t>(options.bytes, *facts.available_bytes / 4);
  return options;
}

int threads_or_calibrated(int given) {
  if (given > 0) return given;
  const std::filesystem::path file = calibration_file_from_environment();
  const auto isa = choose_isa();
  if (file.empty() || !isa) return 0;
  const MachineFacts facts = machine_facts();
  const auto calibration = read_calibration(file, machine_key(facts, *isa));
  if (!calibration) return 0;
  return std::min(choose_threads(calibration->pools).pool, facts.usable_processors());  // measured perhaps without the limit of now
}

}  // namespace halfbyte
