// halfbyte embed: texts to vectors, which are near each other where the texts mean the same.
#include <memory>

#include "backends/engine_backend.h"
#include "base/json_writer.h"
#include "base/white_space.h"
#include "cli/adapter_options.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/stored_calibration.h"

namespace halfbyte {
namespace {

struct Options {
  std::string model;
  std::vector<std::string> texts;
  Pooling pooling = Pooling::kMean;
  EngineOptions engine;
  ChosenAdapters adapters;
  bool json = false;
};

// A line each, blank ones left out.
Result<std::vector<std::string>> lines_of_stdin() {
  HB_TRY_ASSIGN(all, read_stdin());
  std::vector<std::string> lines;
  for (std::string_view rest = all; !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    if (const std::string_view line = rest.substr(0, end); !is_blank(line)) lines.emplace_back(line);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return lines;
}

Result<int> embed(const Options& options) {
  std::vector<std::string> texts = options.texts;
  if (texts.empty()) HB_TRY_INTO(texts, lines_of_stdin());
  if (texts.empty()) return invalid("no text: give some as arguments, or lines on stdin");
  EngineBackendOptions opened{.engine = options.engine};
  opened.engine.threads = threads_or_calibrated(options.engine.threads);
  opened.engine.adapters = options.adapters.files;
  HB_TRY_ASSIGN(backend, EngineBackend::open(options.model, opened));
  HB_TRY_ASSIGN(vectors, backend->embed(texts, options.pooling, options.adapters.uses));
  if (options.json) {
    JsonWriter json;
    json.begin_object().member("model", backend->info().model_id).key("embeddings").begin_array();
    for (const std::vector<float>& vector : vectors) json.value(vector);
    print(json.end_array().end_object().take() + "\n");
    return 0;
  }
  for (const std::vector<float>& vector : vectors) print(fmt::format("{}\n", fmt::join(vector, " ")));
  return 0;
}

}  // namespace

Action declare_embed(Arguments& args) {
  const auto options = std::make_shared<Options>();
  args.positional("MODEL", options->model, "a .gguf file, a checkpoint's directory or a model's name");
  args.rest("TEXT", options->texts, "a text each; without any every line of stdin is one");
  declare_pooling(args, options->pooling);
  declare_adapters(args, options->adapters);
  declare_memory(args, options->engine, "longest text in tokens; 0: the model's own, at most 4096");
  declare_threads(args, "--threads", options->engine.threads);
  declare_json(args, options->json);
  return [options] { return embed(*options); };
}

}  // namespace halfbyte
