#include "store/hugging_face_cache.h"

#include <algorithm>
#include <optional>

#include "base/errors.h"
#include "base/file.h"

namespace halfbyte {
namespace {

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

std::optional<CachedGguf> as_model(const std::filesystem::path& path) {
  if (lower_case(path.extension().string()) != ".gguf") return std::nullopt;
  const std::string file = path.stem().string();
  if (lower_case(file).find("mmproj") != std::string::npos) return std::nullopt;
  std::string_view stem = file;
  if (const auto suffix = shard_suffix(stem)) {
    if (!suffix->starts_with("-00001-")) return std::nullopt;
    stem.remove_suffix(suffix->size());
  }
  return CachedGguf{std::string(stem.substr(stem.find_last_of("-.") + 1)), path};  // npos + 1 = 0: all of it
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

// Does the stem of a file end with the quant, as words of their own?
bool fits(const CachedGguf& file, std::string_view quant) {
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

std::vector<CachedGguf> cached_ggufs(const std::filesystem::path& root, const HuggingFaceName& name) {
  std::vector<CachedGguf> files;
  std::error_code error;
  const auto top = snapshots(hugging_face_folder(root, name));
  for (std::filesystem::recursive_directory_iterator it(top, error), end; !error && it != end; it.increment(error)) {
    if (it.depth() >= kDeepest) it.disable_recursion_pending();
    std::error_code unreadable;
    if (!it->is_regular_file(unreadable)) continue;  // follows the link into blobs/
    if (auto model = as_model(it->path())) files.push_back(std::move(*model));
  }
  std::ranges::sort(files, {}, &CachedGguf::path);
  return files;
}

Result<CachedGguf> choose_gguf(const std::vector<CachedGguf>& files, const HuggingFaceName& name) {
  std::vector<CachedGguf> fitting;
  std::ranges::copy_if(files, std::back_inserter(fitting),
                       [&](const CachedGguf& file) { return name.quant.empty() || fits(file, name.quant); });
  if (fitting.size() == 1) return fitting.front();
  std::string choices;
  for (const CachedGguf& file : files)
    choices += fmt::format("{}{} ({})", choices.empty() ? "" : ", ", file.quant, file.path.filename().string());
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
