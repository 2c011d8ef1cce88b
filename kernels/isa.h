// The instruction sets of sets.def: which there are, which run here, which is taken.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "halfbyte/result.h"

namespace halfbyte {

// Their order is one of preference. Whether a set has what another has is asked of includes().
enum class Isa {
#define SET(isa, ...) isa,
#include "kernels/sets.def"
};

std::string_view name(Isa isa);
std::string_view features(Isa isa);         // of the processor, that it needs beside its parent's; parted by spaces
Isa parent(Isa isa);                        // the root, scalar, is its own
bool includes(Isa isa, Isa ancestor);       // `isa` is `ancestor`, or has its features and kernels by the chain of parents
bool runs_here(Isa isa);                    // built for this processor's family; processor and operating system have the features
std::span<const Isa> isas_known();          // all, those of other families too
std::vector<Isa> isas_built();              // for this family
std::vector<Isa> isas_here();               // that run here
Result<Isa> parse_isa(std::string_view s);  // kInvalid lists the names; kUnsupported: not on this processor
// The last that runs here and whose tests have run on a real processor (docs/kernels.md).
Isa default_isa();
// HALFBYTE_ISA if set, else default_isa(). For those who open an engine, a command, a test: below them the set is an option.
Result<Isa> choose_isa();

}  // namespace halfbyte
