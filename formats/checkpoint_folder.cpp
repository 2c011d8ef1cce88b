#include "formats/checkpoint_folder.h"

#include <algorithm>

#include "base/errors.h"

namespace halfbyte {
namespace {

bool may_stand_in_file_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

bool is_file_name(std::string_view name) {
  return !name.empty() && !name.starts_with('.') && name.size() <= 255 && std::ranges::all_of(name, may_stand_in_file_name);
}

// The one folder of a checkpoint that has files of its own.
constexpr std::string_view kTemplates = "additional_chat_templates/";

bool is_name(std::string_view name) { return is_file_name(name.starts_with(kTemplates) ? name.substr(kTemplates.size()) : name); }

// FOLDER/NAME, or in a cache .../snapshots/REVISION/NAME -> .../blobs/HASH.
bool belongs_to(const std::filesystem::path& file, const std::filesystem::path& folder, std::string_view name) {
  if (file.parent_path() == (folder / name).parent_path()) return true;
  return folder.parent_path().filename() == "snapshots" && file.parent_path() == folder.parent_path().parent_path() / "blobs";
}

}  // namespace

bool CheckpointFolder::has(std::string_view name) const {
  std::error_code error;
  return std::filesystem::exists(std::filesystem::symlink_status(path_ / name, error));
}

Result<std::unique_ptr<ByteSource>> CheckpointFolder::open(std::string_view name) const {
  if (!is_name(name)) return invalid("{}: '{}' is not the name of a file of a checkpoint", path_.string(), escaped(name));
  std::error_code error;
  const auto file = std::filesystem::canonical(path_ / name, error);
  if (error) return not_found("{}: no such file", path_of(name));
  const auto folder = std::filesystem::canonical(path_, error);
  if (error || !belongs_to(file, folder, name)) return invalid("{}: links to a file outside its directory", path_of(name));
  return world_.open(path_ / name);
}

Result<std::optional<std::string>> CheckpointFolder::text(std::string_view name, uint64_t limit) const {
  if (!has(name)) return std::optional<std::string>();
  HB_TRY_ASSIGN(file, open(name));
  if (file->size() > limit) return invalid("{}: {} bytes, at most {} are read", file->path(), file->size(), limit);
  std::string text(static_cast<size_t>(file->size()), '\0');
  HB_TRY(file->read_at(0, std::as_writable_bytes(std::span(text))));
  return std::optional(std::move(text));
}

Result<std::optional<Json>> CheckpointTexts::json(std::string_view name, uint64_t limit) const {
  HB_TRY_ASSIGN(bytes, text(name, limit));
  if (!bytes) return std::optional<Json>();
  HB_TRY_ASSIGN(parsed, parse_json(*bytes, path_of(name), JsonForm::kPython));
  if (parsed.object() == nullptr) return corrupt("{}: not a JSON object", path_of(name));
  return std::optional(std::move(parsed));
}

}  // namespace halfbyte
