#include "engine/stop_scanner.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace halfbyte {

std::string StopScanner::push(const std::string& text) {
  if (found_) return {};
  held_ += text;
  size_t first = std::string::npos;
  for (const std::string& stop : stops_)
    if (!stop.empty()) first = std::min(first, held_.find(stop));
  if (first != std::string::npos) {
    found_ = true;
    std::string out = held_.substr(0, first);
    held_.clear();
    return out;
  }
  size_t hold = 0;
  for (const std::string& stop : stops_)
    for (size_t n = std::min(stop.size(), held_.size() + 1); n-- > hold + 1;)
      if (std::string_view(held_).substr(held_.size() - n) == std::string_view(stop).substr(0, n)) hold = n;
  std::string out = held_.substr(0, held_.size() - hold);
  held_.erase(0, out.size());
  return out;
}

std::string StopScanner::finish() { return std::exchange(held_, {}); }

}  // namespace halfbyte
