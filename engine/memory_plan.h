// How much memory an engine takes and what of it the cache gets. Plain values.
#pragma once

#include <cstdint>
#include <optional>

#include "halfbyte/engine.h"

namespace halfbyte {

struct MemoryFacts {
  std::optional<uint64_t> available;  // bytes that this process may still take, before anything is loaded
  uint64_t weights = 0, workspace = 0;
  uint64_t page_bytes = 0;  // 32 positions of every layer
  int context = 0;          // longest sequence
};

// What the cache gets: kv_memory_bytes or cache_tokens where one is given, else room for kSequences of the longest, as far as
// memory_utilization of what is available leaves it, and at least one. kTooLong: not one sequence of `context` tokens fits; the message
// says what is needed, what there is, and which option changes it.
Result<EngineMemory> plan_memory(const MemoryFacts& facts, const EngineOptions& options);

// What of the memory that is available may be used at all.
uint64_t usable_memory(std::optional<uint64_t> available, double utilization);

}  // namespace halfbyte
