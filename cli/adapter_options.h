// --lora FILE[=SCALE]: adapters for whatever a command asks the model.
#pragma once

#include <string>
#include <vector>

#include "cli/command_line.h"
#include "halfbyte/engine.h"

namespace halfbyte {

// Adapters under their paths, and how they are used.
struct ChosenAdapters {
  std::vector<AdapterFile> files;
  std::vector<AdapterUse> uses;
  // Takes "FILE" or "FILE=SCALE". A path may have a '=' in it: what follows the last one is a scale if it is a number.
  void add(const std::string& given);
};
void declare_adapters(Arguments& args, ChosenAdapters& adapters);

}  // namespace halfbyte
