#include "backends/artifacts.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "backends/json_members.h"
#include "base/errors.h"
#include "base/file.h"

namespace halfbyte {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMostJsonBytes = 1 << 20;
constexpr std::array<std::string_view, 3> kSuffixes{"-DPO", "-SFT", ""};
constexpr std::string_view kLastResort = "BaseLM";

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool is_plain_name(std::string_view name) {
  return !name.empty() && is_letter_or_digit(name[0]) &&
         std::ranges::all_of(name, [](char c) { return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-'; });
}

fs::path models_folder(const fs::path& root) { return root / "artifacts" / "models"; }

bool is_artifact(const fs::path& root, const std::string& name) { return artifact_weights(models_folder(root) / name).has_value(); }

// Names of the folders in artifacts/models that hold a model, in order.
std::vector<std::string> artifact_names(const fs::path& root) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (fs::directory_iterator entry(models_folder(root), ignored), end; !ignored && entry != end; entry.increment(ignored)) {
    std::string name = entry->path().filename();
    if (name != kLastResort && is_plain_name(name) && is_artifact(root, name)) names.push_back(std::move(name));
  }
  std::ranges::sort(names);
  return names;
}

// Orders artifacts; a manifest that cannot be read counts as none.
std::tuple<double, double, std::string> strength(const fs::path& root, const std::string& name) {
  const fs::path folder = models_folder(root) / name;
  const auto manifest = read_json_object(folder / "manifest.json");
  const double rank = manifest ? number_member(*manifest, "rank").value_or(0) : 0;
  double size = manifest ? number_member(*manifest, "parameters").value_or(0) : 0;
  if (const auto weights = artifact_weights(folder); weights && size == 0) {
    std::error_code ignored;
    size = static_cast<double>(fs::file_size(*weights, ignored));
  }
  return {rank, size, name};
}

}  // namespace

fs::path project_root(const fs::path& root) {
  if (!root.empty()) return root;
  std::error_code ignored;
  const fs::path here = fs::current_path(ignored);
  for (fs::path folder = here;; folder = folder.parent_path()) {
    if (fs::is_directory(models_folder(folder), ignored)) return folder;
    if (folder == folder.parent_path()) return here;
  }
}

Result<fs::path> artifact_folder(const fs::path& root, const std::string& name) {
  if (!is_plain_name(name)) return invalid("artifact name: expected letters, digits, '.', '_' and '-', found '{}'", escaped(name));
  return models_folder(root) / name;
}

Result<Json> read_json_object(const fs::path& file) {
  const auto text = read_text(file, kMostJsonBytes);
  if (!text && text.error().code == Code::kNotFound) return Json{Json::Object{}};
  if (!text) return text.error();
  auto value = parse_json(*text, file.string());
  if (value && value->object() == nullptr) return corrupt("{}: expected a JSON object", file.string());
  return value;
}

std::optional<fs::path> artifact_weights(const fs::path& folder) {
  std::error_code ignored;
  std::vector<fs::path> files;
  for (fs::directory_iterator entry(folder, ignored), end; !ignored && entry != end; entry.increment(ignored))
    files.push_back(entry->path());
  std::ranges::sort(files);
  const auto fits = [](std::string_view kind) {
    return [kind](const fs::path& file) { return kind.starts_with('.') ? file.extension() == kind : file.filename() == kind; };
  };
  for (const std::string_view kind : {".gguf", ".safetensors", "model.pt"})
    if (const auto found = std::ranges::find_if(files, fits(kind)); found != files.end()) return *found;
  return std::nullopt;
}

Result<ArtifactChoice> choose_artifact(const fs::path& root, const std::optional<std::string>& name) {
  ArtifactChoice choice;
  if (name) {
    HB_TRY(artifact_folder(root, *name));
    choice.tried = {*name};
    if (artifact_family(*name) == *name) choice.tried = {*name + "-DPO", *name + "-SFT", *name};
    const auto found = std::ranges::find_if(choice.tried, [&](const std::string& one) { return is_artifact(root, one); });
    if (found != choice.tried.end()) choice.name = *found;
    return choice;
  }
  const std::vector<std::string> there = artifact_names(root);
  for (const std::string_view suffix : kSuffixes) {
    std::vector<std::string> fitting;
    std::ranges::copy_if(there, std::back_inserter(fitting),
                         [&](const std::string& one) { return suffix.empty() ? artifact_family(one) == one : one.ends_with(suffix); });
    choice.tried.push_back("*" + std::string(suffix));
    if (fitting.empty()) continue;
    choice.name = *std::ranges::max_element(fitting, {}, [&](const std::string& one) { return strength(root, one); });
    return choice;
  }
  choice.tried.emplace_back(kLastResort);
  if (is_artifact(root, choice.tried.back())) choice.name = choice.tried.back();
  return choice;
}

std::string artifact_family(const std::string& name) {
  for (const std::string_view suffix : {"-DPO", "-SFT"})
    if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  return name;
}

}  // namespace halfbyte
