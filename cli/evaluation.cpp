#include "cli/evaluation.h"

#include <optional>

#include "base/machine_facts.h"
#include "cli/model_file.h"
#include "cli/notice.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/stored_calibration.h"

namespace halfbyte {

void declare_evaluation(Arguments& args, std::string_view threads_flags, EvaluationOptions& options) {
  declare_threads(args, threads_flags, options.threads);
  declare_step_options(args, options.evaluate.chunk_tokens, options.evaluate.kv_types, options.evaluate.activations);
  declare_adapters(args, options.adapters);
  declare_json(args, options.json);
}

Result<LoadedModel> load(const EvaluationOptions& options) {
  HB_TRY_ASSIGN(isa, choose_isa());
  HB_TRY_ASSIGN(found, find_model(options.model));
  std::optional<Notice> notice(std::in_place, fmt::format("loading {} ...", options.model));
  const int threads = threads_or_calibrated(options.threads);
  auto pool = std::make_unique<ThreadPool>(threads > 0 ? threads : processors_available());
  HB_TRY_ASSIGN(model, load_model(found.path, *pool));
  HB_TRY_ASSIGN(adapters, Adapters::open(options.adapters.files, model, this_machine(), model.warnings));
  notice.reset();
  for (const std::string& warning : model.warnings) print_aside(fmt::format("warning: {}\n", warning));
  LoadedModel loaded{.pool = std::move(pool), .model = std::move(model), .adapters = std::move(adapters), .evaluate = options.evaluate};
  HB_TRY_INTO(loaded.evaluate.adapters, loaded.adapters.find(options.adapters.uses));
  loaded.evaluate.isa = isa;
  loaded.evaluate.warn = notify;
  return loaded;
}

}  // namespace halfbyte
