#include "http/lines.h"

#include "base/errors.h"

namespace halfbyte {

Result<bool> LineReader::feed(std::string_view bytes, const std::function<bool(std::string_view line)>& on_line) {
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    line_ += bytes.substr(0, end);
    if (line_.size() > most_bytes_) return too_long("a line of more than {} bytes", most_bytes_);
    if (end == std::string_view::npos) return true;
    bytes.remove_prefix(end + 1);
    std::string line;
    line.swap(line_);
    if (line.ends_with('\r')) line.pop_back();
    if (!on_line(line)) return false;
  }
  return true;
}

std::optional<std::string> ServerSentEvents::take(std::string_view line) {
  if (line.empty()) return std::exchange(data_, std::nullopt);
  if (!line.starts_with("data:")) return std::nullopt;
  line.remove_prefix(5);
  if (line.starts_with(' ')) line.remove_prefix(1);
  if (data_)
    data_->append("\n").append(line);
  else
    data_ = line;
  return std::nullopt;
}

}  // namespace halfbyte
