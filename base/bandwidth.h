// How fast this machine reads memory: the floor under a generation step, measured so that speeds can be put beside it.
#pragma once

#include <stop_token>

#include "base/thread_pool.h"
#include "halfbyte/result.h"

namespace halfbyte {

// Bytes per second at which the pool's threads together read `bytes` of memory (rounded to whole megabytes per thread), each
// its own part front to back: the best of `passes`. The memory lies in huge pages where the system gives them and is far larger
// than a cache should be: 512 MiB or more. Asked to stop, it ends within milliseconds with kBusy.
Result<double> measure_read_bandwidth(ThreadPool& pool, size_t bytes, int passes, const std::stop_token& stop = {});

}  // namespace halfbyte
