#include "http/lines.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/errors.h"

namespace halfbyte {

std::string_view LineReader::unmarked(std::string_view line) const {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  return is_first_ && line.starts_with(kMark) ? line.substr(kMark.size()) : line;
}

Result<bool> LineReader::feed(std::string_view bytes, const std::function<bool(std::string_view line)>& on_line) {
  while (!bytes.empty()) {
    if (std::exchange(after_return_, false) && bytes.front() == '\n') {
      bytes.remove_prefix(1);
      continue;
    }
    const size_t end = bytes.find_first_of("\r\n");
    line_ += bytes.substr(0, end);
    if (line_.size() > most_bytes_) return too_long("a line of more than {} bytes", most_bytes_);
    if (end == std::string_view::npos) return true;
    after_return_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    const std::string line = std::exchange(line_, {});
    const std::string_view text = unmarked(line);
    is_first_ = false;
    if (!on_line(text)) return false;
  }
  return true;
}

std::optional<ServerSentEvent> ServerSentEvents::take(std::string_view line) {
  if (line.empty()) return rest();
  const size_t colon = std::min(line.find(':'), line.size());
  const std::string_view field = line.substr(0, colon);
  std::string_view value = line.substr(std::min(colon + 1, line.size()));
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    has_begun_ = true;
    if (data_)
      data_->append("\n").append(value);
    else
      data_ = value;
  } else if (field == "event") {
    name_ = value;
  }
  return std::nullopt;
}

std::optional<ServerSentEvent> ServerSentEvents::rest() {
  std::string name = std::exchange(name_, {});
  auto data = std::exchange(data_, std::nullopt);
  if (!data) return std::nullopt;
  return ServerSentEvent{std::move(*data), std::move(name)};
}

bool ServerSentEvents::is_field(std::string_view line) {
  constexpr std::array<std::string_view, 5> kFields{"", "data", "event", "id", "retry"};
  return std::ranges::find(kFields, line.substr(0, line.find(':'))) != kFields.end();
}

}  // namespace halfbyte
