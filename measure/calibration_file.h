// A calibration kept on disk for the machine it was measured on.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/world.h"
#include "measure/calibration.h"

namespace halfbyte {

// What must be equal for a calibration to hold.
struct MachineKey {
  std::string processor;
  int processors = 1;
  std::string isa;
  std::string version;  // halfbyte's: another one has other kernels

  bool operator==(const MachineKey&) const = default;
};

std::string calibration_text(const MachineKey& machine, const Calibration& calibration);  // JSON, one line
// kCorrupt: not such a text; kNotFound: of another machine, set or version, and says which. `where` names the text in messages.
Result<Calibration> parse_calibration(std::string_view text, std::string_view where, const MachineKey& machine);

Result<void> write_calibration(const std::filesystem::path& file, const MachineKey& machine, const Calibration& calibration,
                               const World& world = this_machine());
// Errors as parse_calibration(); also kNotFound: there is no such file.
Result<Calibration> read_calibration(const std::filesystem::path& file, const MachineKey& machine, const World& world = this_machine());

}  // namespace halfbyte
