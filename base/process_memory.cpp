#include "base/process_memory.h"

#include <fstream>
#include <string>

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

}  // namespace halfbyte
