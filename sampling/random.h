// Random numbers that depend on the seed and the place alone, so that a sequence draws the same whatever else the machine does.
#pragma once

#include <cstdint>

namespace halfbyte {

// Number `draw` of a position, uniform in [0, 1). SplitMix64 (Steele, Lea, Flood 2014), two rounds; one more for a further number.
double uniform_at(uint64_t seed, uint64_t position, uint64_t draw = 0);

}  // namespace halfbyte
