#include "backends/dotenv.h"

#include "base/file.h"

namespace halfbyte {
namespace {

constexpr uint64_t kMostBytes = 1 << 20;
constexpr std::string_view kBlank = " \t\r";

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// The value of a line that assigns `name`.
std::optional<std::string_view> assigned(std::string_view line, std::string_view name) {
  line = trimmed(line);
  if (line.starts_with("export ") || line.starts_with("export\t")) line = trimmed(line.substr(7));
  if (!line.starts_with(name)) return std::nullopt;
  line = trimmed(line.substr(name.size()));
  if (!line.starts_with('=')) return std::nullopt;
  line = trimmed(line.substr(1));
  if (line.starts_with('"') || line.starts_with('\'')) {
    const size_t close = line.find(line[0], 1);
    if (close == std::string_view::npos) return std::nullopt;
    return line.substr(1, close - 1);
  }
  return trimmed(line.substr(0, line.find('#')));
}

}  // namespace

std::optional<std::string> dotenv_value_in(std::string_view text, std::string_view name) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::optional<std::string> value;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (const auto found = assigned(text.substr(0, end), name)) value = *found;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return value && !value->empty() ? value : std::nullopt;
}

std::optional<std::string> dotenv_value(const std::filesystem::path& file, std::string_view name) {
  const auto text = read_text(file, kMostBytes);
  return text ? dotenv_value_in(*text, name) : std::nullopt;
}

}  // namespace halfbyte
