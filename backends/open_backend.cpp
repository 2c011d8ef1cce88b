// Which backend to open: by name, by what the project has settled on, or by what is there.
#include <algorithm>

#include "backends/answer.h"
#include "backends/artifacts.h"
#include "backends/engine_backend.h"
#include "backends/service_address.h"
#include "base/errors.h"
#include "halfbyte/backends.h"
#include "store/model_store.h"

namespace halfbyte {
namespace {

constexpr double kProbeSeconds = 2;

// With `passed_over` in their info, for open_default().
Result<std::unique_ptr<Backend>> open_artifact_noting(const ArtifactOptions& options, const Facts& passed_over) {
  const std::filesystem::path root = project_root(options.root);
  HB_TRY_ASSIGN(choice, choose_artifact(root, options.name));
  if (!choice.name)
    return not_found("no model artifact in {}: tried {}", (root / "artifacts" / "models").string(), fmt::join(choice.tried, ", "));
  HB_TRY_ASSIGN(folder, artifact_folder(root, *choice.name));
  HB_TRY_ASSIGN(manifest, read_json_object(folder / "manifest.json"));
  const auto weights = artifact_weights(folder);
  if (!weights) return not_found("{}: the weights are gone", folder.string());
  if (weights->extension() == ".pt") return unsupported("{}: only the Python package reads PyTorch files", weights->string());

  EngineBackendOptions engine{.name = options.local.name, .use_template = options.local.use_template, .model_id = *choice.name};
  engine.engine.context_tokens = options.local.context_tokens;
  engine.engine.threads = options.local.threads;
  engine.extra = options.local.extra;
  engine.extra.insert(passed_over.begin(), passed_over.end());
  engine.extra["artifact_dir"] = folder.string();
  const std::string of_manifest = (folder / "manifest.json").string() + ": ";
  HB_TRY_ASSIGN(family, word_at(manifest, "canonical_name", of_manifest));
  engine.extra["canonical_name"] = family.empty() ? artifact_family(*choice.name) : family;
  for (const char* key : {"source", "kind"}) {
    HB_TRY_ASSIGN(value, word_at(manifest, key, of_manifest));
    if (!value.empty()) engine.extra[key] = std::move(value);
  }
  const bool is_file = weights->extension() == ".gguf";
  HB_TRY_ASSIGN(backend, EngineBackend::open(is_file ? weights->string() : folder.string(), engine));
  return std::unique_ptr<Backend>(std::move(backend));
}

Result<std::unique_ptr<Backend>> open_prodlm_noting(const std::optional<std::string>& model_id, const std::filesystem::path& root,
                                                    const Facts& passed_over) {
  HB_TRY_ASSIGN(folder, artifact_folder(project_root(root), "ProdLM"));
  const std::string file = (folder / "config.json").string();
  HB_TRY_ASSIGN(config, read_json_object(file));
  const bool is_there = !config.object()->empty();
  if (!is_there && !model_id) return not_found("no ProdLM manifest in {}: write one with python/scripts/prodlm.sh", folder.string());
  const std::string of_config = file + ": ";
  HB_TRY_ASSIGN(kind, is_there ? word_at(config, "kind", of_config) : Result<std::string>("ollama_backend"));
  if (kind != "ollama_backend" && kind != "engine_backend")
    return invalid("{}: expected kind ollama_backend or engine_backend, found '{}'", file, escaped(kind));

  HB_TRY_ASSIGN(configured, word_at(config, "model_id", of_config));
  std::map<std::string, std::string> extra = passed_over;
  extra["configured_name"] = "ProdLM";
  if (kind == "engine_backend")
    return open_local(model_id.value_or(configured.empty() ? std::string(kDefaultModel) : configured), {.name = "prodlm", .extra = extra});
  OllamaOptions options{.name = "prodlm", .extra = extra};
  if (model_id || !configured.empty()) options.model_id = model_id.value_or(configured);
  HB_TRY_ASSIGN(url, word_at(config, "base_url", of_config));
  if (!url.empty()) options.base_url = std::move(url);
  HB_TRY_ASSIGN(seconds, number_at(config, "timeout", of_config));
  if (seconds) options.timeout_seconds = *seconds;
  return open_ollama(options);
}

// The server's default model if it has that, else the first it lists.
Result<std::unique_ptr<Backend>> open_answering_server(const Facts& passed_over) {
  OllamaOptions options{.extra = passed_over};
  HB_TRY_ASSIGN(models, ollama_models(options.base_url, kProbeSeconds));
  if (models.empty()) {
    HB_TRY_ASSIGN(address, ollama_address(options.base_url));
    return not_found("Ollama at {} answers and has no models: ollama pull {}", address.at("").shown(), options.model_id);
  }
  if (std::ranges::find(models, options.model_id) == models.end()) options.model_id = models.front();
  return open_ollama(options);
}

}  // namespace

Result<std::unique_ptr<Backend>> open_local(const std::string& model, const LocalOptions& options) {
  EngineBackendOptions engine{.name = options.name, .use_template = options.use_template, .extra = options.extra};
  engine.engine.context_tokens = options.context_tokens;
  engine.engine.threads = options.threads;
  HB_TRY_ASSIGN(backend, EngineBackend::open(model, engine));
  return std::unique_ptr<Backend>(std::move(backend));
}

Result<std::unique_ptr<Backend>> open_artifact(const ArtifactOptions& options) { return open_artifact_noting(options, {}); }

Result<std::unique_ptr<Backend>> open_prodlm(const std::optional<std::string>& model_id, const std::filesystem::path& root) {
  return open_prodlm_noting(model_id, root, {});
}

Result<std::unique_ptr<Backend>> open_default(const std::filesystem::path& root) {
  Facts passed_over;
  auto backend = open_prodlm_noting({}, root, {});
  if (backend) return backend;
  passed_over["passed_over_prodlm"] = backend.error().message;
  backend = open_artifact_noting({.root = root}, passed_over);
  if (backend) return backend;
  passed_over["passed_over_artifact"] = backend.error().message;
  backend = open_answering_server(passed_over);
  if (backend) return backend;
  passed_over["passed_over_server"] = backend.error().message;
  backend = open_local(std::string(kDefaultModel), {.extra = passed_over});
  if (backend) return backend;
  passed_over["passed_over_engine"] = backend.error().message;
  std::string told;
  for (const auto& [place, reason] : passed_over) told += fmt::format("; {}: {}", place.substr(sizeof "passed_over"), reason);
  return not_found("no backend found{}", told);
}

std::string_view without_address(std::string_view word) {
  const size_t scheme_end = word.find("://"), sign = scheme_end == std::string_view::npos ? scheme_end : word.rfind('@', scheme_end);
  return word.substr(0, sign);
}

Result<std::unique_ptr<Backend>> open_backend(std::string_view word) {
  const std::string_view name = without_address(word);
  const std::string address(word.substr(std::min(name.size() + 1, word.size())));
  const size_t colon = name.find(':');
  const std::string_view kind = name.substr(0, colon);
  const std::string model(colon == std::string_view::npos ? std::string_view() : name.substr(colon + 1));
  const auto given = model.empty() ? std::nullopt : std::optional(model);
  if ((kind == "ollama" || kind == "openai") && model.find("://") != std::string::npos)
    return invalid("backend: expected {0}:MODEL@http://..., or {0}@http://... for the default model; found an address for the model", kind);
  if (kind == "ollama") return open_ollama({.model_id = given.value_or("llama3.2"), .base_url = address});
  if (kind == "openai") return open_openai({.model_id = given.value_or("gpt-4o-mini"), .base_url = address});
  if (!address.empty()) return invalid("backend: expected an address behind ollama or openai only, found one behind '{}'", escaped(name));
  if (kind == "local" || kind == "engine") return open_local(given.value_or(std::string(kDefaultModel)));
  if (kind == "artifact") return open_artifact({.name = given});
  if (kind == "prodlm") return open_prodlm(given);
  if (kind == "auto" && !given) return open_default();
  return invalid("backend: expected local, ollama, openai, artifact, prodlm, each with :MODEL or without, or auto; found '{}'",
                 escaped(name));
}

}  // namespace halfbyte
