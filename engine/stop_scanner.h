// Finds stop strings in streamed text. Nothing of a stop string leaves, however the text is cut.
#pragma once

#include <string>
#include <vector>

namespace halfbyte {

class StopScanner {
 public:
  explicit StopScanner(std::vector<std::string> stops) : stops_(std::move(stops)) {}
  // Adds text; returns what may leave. The longest tail that could begin a stop string is held back.
  std::string push(const std::string& text);
  bool found() const { return found_; }  // a stop string was met: what follows it is dropped
  std::string finish();                  // the text ended: what was held back

 private:
  std::vector<std::string> stops_;
  std::string held_;
  bool found_ = false;
};

}  // namespace halfbyte
