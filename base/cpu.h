// What this processor is: its family, the features that kernels are chosen by, and how many of its kind this process may use.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace halfbyte {

enum class ProcessorFamily { kAny, kX86, kArm };  // 64 bits; kAny: what is built for it runs on every processor

constexpr bool is_built_for(ProcessorFamily family) {
#if defined(__x86_64__)
  return family == ProcessorFamily::kAny || family == ProcessorFamily::kX86;
#elif defined(__aarch64__)
  return family == ProcessorFamily::kAny || family == ProcessorFamily::kArm;
#else
  return family == ProcessorFamily::kAny;
#endif
}

// Whether processor and operating system have a feature, spelled as compilers have it: "avx2", "avx512bf16" (and there VDPBF16PS adds
// as documented), "amx-tile" (and this process got the tile registers). Empty: not a feature that can be asked for in this family.
std::optional<bool> processor_has(std::string_view feature);

std::vector<int> allowed_processors();  // numbers of the processors this process may use (affinity mask), ascending, at least one

}  // namespace halfbyte
