#include "engine/memory_plan.h"

#include <algorithm>
#include <limits>

#include "base/checked.h"
#include "base/errors.h"
#include "kernels/attention.h"

namespace halfbyte {
namespace {

constexpr int kSequences = 8;

std::string megabytes(uint64_t bytes) { return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6); }

}  // namespace

uint64_t usable_memory(std::optional<uint64_t> available, double utilization) {
  if (!available) return std::numeric_limits<uint64_t>::max();
  return static_cast<uint64_t>(static_cast<double>(*available) * utilization);
}

Result<EngineMemory> plan_memory(const MemoryFacts& facts, const EngineOptions& options) {
  const auto pages_for = [](uint64_t tokens) { return ceil_div(tokens, kPagePositions); };
  const uint64_t one = pages_for(static_cast<uint64_t>(facts.context));
  uint64_t pages = one * kSequences;
  if (options.kv_memory_bytes > 0) {
    pages = options.kv_memory_bytes / facts.page_bytes;
    if (pages < one)
      return too_long("kv_memory: {} hold {} tokens, a sequence may have {}: give at least {}, or less context",
                      megabytes(options.kv_memory_bytes), pages * kPagePositions, facts.context, megabytes(one * facts.page_bytes));
  } else if (options.cache_tokens > 0) {
    pages = std::max(one, pages_for(static_cast<uint64_t>(options.cache_tokens)));
  } else if (facts.available) {
    const uint64_t may_use = usable_memory(facts.available, options.memory_utilization), used = facts.weights + facts.workspace;
    const uint64_t left = may_use > used ? may_use - used : 0;
    if (left < one * facts.page_bytes)
      return too_long(
          "a context of {} tokens needs {} of cache beside {} of weights and work space, and {:.0f} % of the memory that is available "
          "are {}: give less context, or another memory_utilization",
          facts.context, megabytes(one * facts.page_bytes), megabytes(used), options.memory_utilization * 100, megabytes(may_use));
    pages = std::min(pages, left / facts.page_bytes);
  }
  return EngineMemory{.weights = facts.weights,
                      .workspace = facts.workspace,
                      .cache = pages * facts.page_bytes,
                      .cache_tokens = static_cast<int>(std::min<uint64_t>(pages * kPagePositions, 1 << 30))};
}

}  // namespace halfbyte
