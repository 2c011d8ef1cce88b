#include "engine/stop_scanner.h"

#include <algorithm>
#include <utility>

#include "text/possible_beginning.h"

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
  for (const std::string& stop : stops_) hold = std::max(hold, possible_beginning(held_, stop));
  std::string out = held_.substr(0, held_.size() - hold);
  held_.erase(0, out.size());
  return out;
}

std::string StopScanner::finish() { return std::exchange(held_, {}); }

}  // namespace halfbyte
