// What about a machine makes inference slow or its figures doubtful, each with a sentence of advice.
#pragma once

#include <string>
#include <vector>

#include "base/machine_facts.h"
#include "kernels/isa.h"

namespace halfbyte {

struct Finding {
  bool is_fault;     // makes it slow or unusable; false: good to know
  std::string text;  // what is found, and what to do
};

// More work than this waits for processors that a calibration would need to itself.
bool is_busy(const MachineFacts& facts);

// `by_default`: the instruction set that is taken unasked; `chosen`: the one in use.
std::vector<Finding> findings(const MachineFacts& facts, Isa by_default, Isa chosen);

}  // namespace halfbyte
