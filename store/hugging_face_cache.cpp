#include "store/hugging_face_cache.h"

#include <algorithm>
#include <optional>

#include "base/errors.h"
#include "base/file.h"

namespace halfbyte {
namespace {

constexpr std::string_view kCheckpoint = "safetensors";
constexpr int kDeepest = 3;  // folders below a snapshot: repositories keep shards in one per quantization

// "-00001-of-00003" at the end of a stem is the shard's number; nothing: not sharded.
std::optional<std::string_view> shard_suffix(std::string_view stem) {
  constexpr std::string_view kShape = "-00000-of-00000";
  if (stem.size() <= kShape.size()) return std::nullopt;
  const std::string_view tail = stem.substr(stem.size() - kShape.size());
  for (size_t i = 0; i < kShape.size(); ++i)
    if (kShape[i] == '0' ? tail[i] < '0' || tail[i] > '9' : tail[i] != kShape[i]) return std::nullopt;
  return tail;
}

std::optional<CachedModel> as_model(const std::filesystem::path& path) {
  if (lower_case(path.extension().string()) != ".gguf") return std::nullopt;
  const std::string file = path.stem().string();
  if (lower_case(file).find("mmproj") != std::string::npos) return std::nullopt;
  std::string_view stem = file;
  if (const auto suffix = shard_suffix(stem)) {
    if (!suffix->starts_with("-00001-")) return std::nullopt;
    stem.remove_suffix(suffix->size());
  }
  return CachedModel{std::string(stem.substr(stem.find_last_of("-.") + 1)), path};  // npos + 1 = 0: all of it
}

std::filesystem::path snapshots(const std::filesystem::path& folder) {
  if (auto revision = read_text(folder / "refs" / "main", 256)) {
    while (!revision->empty() && revision->back() == '\n') revision->pop_back();
    const bool is_name = !revision->empty() && std::ranges::all_of(*revision, [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    });
    std::error_code error;
    if (is_name && std::filesystem::is_directory(folder / "snapshots" / *revision, error)) return folder / "snapshots" / *revision;
  }
  return folder / "snapshots";
}

// A snapshot that can be opened as a directory.
bool is_checkpoint(const std::filesystem::path& snapshot) {
  const auto has = [&](std::string_view name) {
    std::error_code error;
    return std::filesystem::is_regular_file(snapshot / name, error);
  };
  return has("config.json") && (has("model.safetensors") || has("model.safetensors.index.json"));
}

// Does the stem of a file end with the quant, as words of their own?
bool fits(const CachedModel& file, std::string_view quant) {
  if (file.quant == kCheckpoint) return lower_case(quant) == kCheckpoint;
  std::string stem = file.path.stem().string();
  if (const auto suffix = shard_suffix(stem)) stem.resize(stem.size() - suffix->size());
  const std::string name = lower_case(stem), wanted = lower_case(quant);
  if (!name.ends_with(wanted)) return false;
  return name.size() == wanted.size() || std::string_view("-.").find(name[name.size() - wanted.size() - 1]) != std::string_view::npos;
}

}  // namespace

std::filesystem::path hugging_face_folder(const std::filesystem::path& root, const HuggingFaceName& name) {
  return root / fmt::format("models--{}--{}", name.organization, name.repository);
}

std::vector<CachedModel> cached_models(const std::filesystem::path& root, const HuggingFaceName& name) {
  std::vector<CachedModel> files, checkpoints;
  std::error_code error;
  const auto folder = hugging_face_folder(root, name), top = snapshots(folder);
  if (is_checkpoint(top)) checkpoints.push_back({std::string(kCheckpoint), top});
  for (std::filesystem::recursive_directory_iterator it(top, error), end; !error && it != end; it.increment(error)) {
    if (it.depth() >= kDeepest) it.disable_recursion_pending();
    std::error_code unreadable;
    const bool is_snapshot = it.depth() == 0 && top == folder / "snapshots" && it->is_directory(unreadable);
    if (is_snapshot && is_checkpoint(it->path())) checkpoints.push_back({std::string(kCheckpoint), it->path()});
    if (!it->is_regular_file(unreadable)) continue;  // follows the link into blobs/
    if (auto model = as_model(it->path())) files.push_back(std::move(*model));
  }
  std::ranges::sort(files, {}, &CachedModel::path);
  std::ranges::sort(checkpoints, {}, &CachedModel::path);
  files.insert(files.end(), checkpoints.begin(), checkpoints.end());
  return files;
}

Result<CachedModel> choose_cached(const std::vector<CachedModel>& models, const HuggingFaceName& name) {
  const bool has_files = models.front().quant != kCheckpoint;
  const auto is_meant = [&](const CachedModel& model) {
    return name.quant.empty() ? !has_files || model.quant != kCheckpoint : fits(model, name.quant);
  };
  std::vector<CachedModel> fitting;
  std::ranges::copy_if(models, std::back_inserter(fitting), is_meant);
  if (fitting.size() == 1) return fitting.front();
  std::string choices;
  for (const CachedModel& model : models)
    choices += fmt::format("{}{} ({})", choices.empty() ? "" : ", ", model.quant, model.path.filename().string());
  const std::string repository = name.organization + "/" + name.repository;
  if (fitting.empty()) return not_found("{}: no file for '{}' in the Hugging Face cache; it has: {}", repository, name.quant, choices);
  return invalid("{}: several files fit; add one of these after a colon: {}", repository, choices);
}

std::vector<HuggingFaceName> list_hugging_face(const std::filesystem::path& root) {
  constexpr std::string_view kPrefix = "models--";
  std::vector<HuggingFaceName> names;
  std::error_code error;
  for (std::filesystem::directory_iterator it(root, error), end; !error && it != end; it.increment(error)) {
    const std::string folder = it->path().filename().string();
    const size_t middle = folder.find("--", kPrefix.size());
    if (!folder.starts_with(kPrefix) || middle == std::string::npos) continue;
    const std::string name = folder.substr(kPrefix.size(), middle - kPrefix.size()) + "/" + folder.substr(middle + 2);
    if (auto parsed = parse_hugging_face_name(name)) names.push_back(std::move(*parsed));
  }
  std::ranges::sort(names, {}, [](const HuggingFaceName& n) { return n.organization + "/" + n.repository; });
  return names;
}

}  // namespace halfbyte
