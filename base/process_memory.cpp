#include "base/process_memory.h"

#include <fstream>
#include <string>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace halfbyte {

std::optional<uint64_t> resident_bytes() {
#if defined(__linux__)
  std::ifstream status("/proc/self/status");
  uint64_t kilobytes = 0;
  for (std::string word; status >> word;)
    if (word == "VmRSS:" && status >> kilobytes) return kilobytes * 1024;
#endif
  return std::nullopt;
}

void return_freed_memory() {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

}  // namespace halfbyte
