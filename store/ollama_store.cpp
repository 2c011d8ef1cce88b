#include "store/ollama_store.h"

#include <algorithm>

#include "base/errors.h"
#include "base/file.h"
#include "store/ollama_manifest.h"

namespace halfbyte {
namespace {

constexpr uint64_t kLargestManifest = uint64_t{1} << 20;
constexpr uint64_t kLargestText = uint64_t{1} << 20;  // system, parameters

Result<std::filesystem::path> blob(const std::filesystem::path& root, const std::filesystem::path& manifest, std::string_view hex) {
  auto path = root / "blobs" / fmt::format("sha256-{}", hex);
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return corrupt("{}: its blob {} is not there", manifest.string(), path.string());
  return path;
}

std::vector<std::filesystem::path> entries(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) paths.push_back(it->path());
  std::ranges::sort(paths);
  return paths;
}

// The folder of `parent` called `name`, or else the only one whose name differs in case alone, as Ollama looks names up.
std::filesystem::path folded(const std::filesystem::path& parent, const std::string& name) {
  auto exact = parent / name;
  std::error_code error;
  if (std::filesystem::exists(exact, error)) return exact;
  std::vector<std::filesystem::path> alike;
  std::ranges::copy_if(entries(parent), std::back_inserter(alike),
                       [&](const auto& path) { return equal_but_for_case(path.filename().string(), name); });
  return alike.size() == 1 ? alike.front() : exact;
}

}  // namespace

std::filesystem::path ollama_manifest(const std::filesystem::path& root, const OllamaName& name) {
  return folded(folded(folded(folded(root / "manifests", name.host), name.space), name.model), name.tag);
}

Result<ResolvedModel> open_ollama_manifest(const std::filesystem::path& root, const OllamaName& name) {
  const auto manifest = ollama_manifest(root, name);
  HB_TRY_ASSIGN(text, read_text(manifest, kLargestManifest));
  HB_TRY_ASSIGN(said, parse_ollama_manifest(text, manifest.string()));
  HB_TRY_ASSIGN(path, blob(root, manifest, said.model));
  ResolvedModel model{.name = short_form(name),
                      .place = "Ollama store",
                      .path = std::move(path),
                      .has_foreign_template = said.has_template,
                      .notes = std::move(said.notes)};
  for (const auto& [hex, content] : {std::pair(&said.system, &model.system), std::pair(&said.parameters, &model.parameters)}) {
    if (hex->empty()) continue;
    HB_TRY_ASSIGN(file, blob(root, manifest, *hex));
    HB_TRY_INTO(*content, read_text(file, kLargestText));
  }
  return model;
}

std::vector<OllamaName> list_ollama(const std::filesystem::path& root) {
  std::vector<OllamaName> names;
  for (const auto& host : entries(root / "manifests"))
    for (const auto& space : entries(host))
      for (const auto& model : entries(space))
        for (const auto& tag : entries(model)) {
          const auto part = [](const std::filesystem::path& path) { return path.filename().string(); };
          if (auto name = parse_ollama_name(part(host) + "/" + part(space) + "/" + part(model) + ":" + part(tag))) names.push_back(*name);
        }
  return names;
}

}  // namespace halfbyte
