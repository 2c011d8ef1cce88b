// The calibration kept for this user on this machine, and the threads it gives commands that were told none.
#pragma once

#include <filesystem>

#include "base/machine_facts.h"
#include "measure/calibration_file.h"

namespace halfbyte {

// $XDG_CACHE_HOME/halfbyte/machine.json, or under ~/.cache. Empty when there is no home.
std::filesystem::path calibration_file_from_environment();
MachineKey machine_key(const MachineFacts& facts, Isa isa);
// What to measure of this machine: all threads that find a processor, with memory that is there.
CalibrationOptions calibration_options(const MachineFacts& facts, Isa isa);

// `given` if above 0; else the pool's threads by the calibration of this machine; 0 where there is none that can be used:
// `halfbyte doctor` says why.
int threads_or_calibrated(int given);

}  // namespace halfbyte
