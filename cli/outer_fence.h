// Takes off the Markdown fence that models like to put around a whole Markdown answer, while it streams.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace halfbyte {

// An outer fence is a first line ```markdown (or md) and a last line that closes it. A fence inside is told from it by what opens and
// closes in between; a closing line waits until it is known whether more comes after it.
class OuterFence {
 public:
  std::string feed(std::string_view piece);  // what can be shown of the text so far
  std::string close();                       // the rest

 private:
  std::string take_part(std::string_view part);
  std::string take_line(const std::string& line);
  std::string release_waiting();

  std::string line_;     // not shown yet: it may become a fence
  std::string waiting_;  // a bare fence, and blank lines after it
  std::optional<std::string> outer_, inner_;
  bool is_before_text_ = true;
  bool may_be_fence_ = true;  // the line that is coming
};

}  // namespace halfbyte
