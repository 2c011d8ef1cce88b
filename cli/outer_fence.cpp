#include "cli/outer_fence.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/white_space.h"

namespace halfbyte {
namespace {

struct Fence {
  std::string mark;       // ``` or ~~~, as long as it is
  std::string_view info;  // what stands after it
};

std::optional<Fence> fence_of(std::string_view line) {
  line = trimmed_right(line);
  const size_t indent = std::min(line.find_first_not_of(' '), line.size());
  line.remove_prefix(indent);
  if (indent > 3 || line.empty() || (line[0] != '`' && line[0] != '~')) return std::nullopt;
  const size_t length = std::min(line.find_first_not_of(line[0]), line.size());
  if (length < 3) return std::nullopt;
  std::string_view info = line.substr(length);
  info.remove_prefix(std::min(info.find_first_not_of(" \t"), info.size()));
  return Fence{std::string(line.substr(0, length)), info};
}

bool closes(const Fence& fence, const std::string& opened) {
  return fence.info.empty() && fence.mark[0] == opened[0] && fence.mark.size() >= opened.size();
}

bool is_markdown(std::string_view info) {
  std::string lower(info);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower == "markdown" || lower == "md";
}

}  // namespace

std::string OuterFence::feed(std::string_view piece) {
  std::string shown;
  while (!piece.empty()) {
    const size_t end = std::min(piece.find('\n'), piece.size() - 1) + 1;
    shown += take_part(piece.substr(0, end));
    piece.remove_prefix(end);
  }
  return shown;
}

std::string OuterFence::close() {
  const std::string line = std::exchange(line_, {});
  return line.empty() ? "" : take_line(line);  // a fence that still waits was the outer one's end
}

// A piece of one line, or its end.
std::string OuterFence::take_part(std::string_view part) {
  line_ += part;
  if (!outer_ && !is_before_text_) return std::exchange(line_, {});
  if (line_.ends_with('\n')) {
    std::string whole = std::exchange(line_, {});
    return std::exchange(may_be_fence_, true) ? take_line(whole) : whole;
  }
  const size_t start = line_.find_first_not_of(kWhiteSpace);
  if (may_be_fence_ && (start == std::string::npos || line_[start] == '`' || line_[start] == '~')) return "";
  // No fence begins like this: the line can be shown as it comes.
  may_be_fence_ = false;
  is_before_text_ = false;
  return release_waiting() + std::exchange(line_, {});
}

// The fence that waited: more has come after it, so it opened a block inside.
std::string OuterFence::release_waiting() {
  std::string waited = std::exchange(waiting_, {});
  if (waited.empty()) return waited;
  if (const auto fence = fence_of(std::string_view(waited).substr(0, waited.find('\n')))) inner_ = fence->mark;
  return waited;
}

// A whole line that may be a fence.
std::string OuterFence::take_line(const std::string& line) {
  const auto fence = fence_of(line);
  if (is_before_text_) {
    if (is_blank(line)) return line;
    is_before_text_ = false;
    if (fence && is_markdown(fence->info)) {
      outer_ = fence->mark;
      return "";
    }
  }
  if (!outer_) return line;
  if (is_blank(line) && !waiting_.empty()) {
    waiting_ += line;
    return "";
  }
  std::string waited = release_waiting();
  if (!fence) return waited + line;
  if (inner_) {
    if (closes(*fence, *inner_)) inner_.reset();
    return waited + line;
  }
  if (closes(*fence, *outer_)) {
    waiting_ = line;
    return waited;
  }
  inner_ = fence->mark;
  return waited + line;
}

}  // namespace halfbyte
