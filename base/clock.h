// The processor's clock as it runs now, so that speeds can be stated per cycle. A time stamp counter does not tell it.
#pragma once

#include <optional>
#include <stop_token>

namespace halfbyte {

// Cycles per second of the calling thread's processor, from a chain of dependent additions (one cycle each): the best of some
// 10 ms, so that an interruption does not count. Absent where this build does not know how; of no use where it was asked to stop.
std::optional<double> measure_clock(const std::stop_token& stop = {});

}  // namespace halfbyte
