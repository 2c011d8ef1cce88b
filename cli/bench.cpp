// halfbyte bench: prompt and generation speed, beside what this machine's memory allows.
#include <algorithm>
#include <memory>
#include <optional>

#include "base/bandwidth.h"
#include "base/clock.h"
#include "base/json_writer.h"
#include "base/percentile.h"
#include "base/process_memory.h"
#include "cli/bench_backends.h"
#include "cli/commands.h"
#include "cli/evaluation.h"
#include "cli/model_file.h"
#include "base/number.h"
#include "cli/output.h"
#include "measure/speed.h"

namespace halfbyte {
namespace {

constexpr size_t kBandwidthBytes = size_t{512} << 20;  // far above any cache
constexpr int kBandwidthPasses = 6;

struct Options {
  EvaluationOptions evaluation;
  int prompt_tokens = 512, generated_tokens = 128, depth = 0, runs = 5;
  std::vector<int> step_sizes;
  BackendBenchOptions backends;
};

struct Figures {
  std::optional<double> prompt_rate, generation_rate;  // tokens per second, median of the runs
  std::optional<double> read_rate;                     // bytes per second while generating
  std::optional<double> barriers_per_layer;
  std::optional<double> macs_per_cycle;  // of the prompt, per thread
  std::vector<double> step_seconds;      // one per step size, median of the runs
  std::optional<uint64_t> resident_bytes;
  double bandwidth = 0;  // bytes per second
  MeasuredSpeed last;
};

Result<std::vector<int>> parse_sizes(const std::string& list) {
  constexpr int kMostTokens = 65536;
  std::vector<int> sizes;
  for (size_t at = 0; at < list.size();) {
    const size_t comma = std::min(list.find(',', at), list.size());
    HB_TRY_ASSIGN(size, parse_number(list.substr(at, comma - at), 1, kMostTokens));
    sizes.push_back(size);
    at = comma + 1;
  }
  return sizes;
}

Result<Figures> gather(const Options& options, const LoadedModel& loaded) {
  Figures figures;
  const std::vector<int>& sizes = options.step_sizes;
  const Workload work{
      .prompt_tokens = options.prompt_tokens, .generated_tokens = options.generated_tokens, .depth = options.depth, .step_sizes = sizes};
  std::vector<std::vector<double>> steps(sizes.size());
  std::vector<double> prompt_rates, generation_rates;
  for (int run = 0; run < options.runs; ++run) {
    HB_TRY_ASSIGN(measured, measure_speed(loaded.model, *loaded.pool, work, loaded.evaluate));
    prompt_rates.push_back(options.prompt_tokens / measured.prompt_seconds);
    generation_rates.push_back(options.generated_tokens / measured.generation_seconds);
    for (size_t i = 0; i < sizes.size(); ++i) steps[i].push_back(measured.step_seconds[i]);
    figures.last = measured;
    figures.resident_bytes = std::max(figures.resident_bytes, resident_bytes());
  }
  HB_TRY_INTO(figures.bandwidth, measure_read_bandwidth(*loaded.pool, kBandwidthBytes, kBandwidthPasses));
  if (options.prompt_tokens > 0) {
    const double rate = percentile(prompt_rates, 50);
    figures.prompt_rate = rate;
    if (const auto clock = measure_clock())
      figures.macs_per_cycle = rate * static_cast<double>(figures.last.macs_per_token) / *clock / loaded.pool->threads();
  }
  for (std::vector<double>& runs : steps) figures.step_seconds.push_back(percentile(std::move(runs), 50));
  if (options.generated_tokens > 0) {
    const double rate = percentile(generation_rates, 50);
    figures.generation_rate = rate;
    figures.read_rate = rate * static_cast<double>(figures.last.bytes_per_token);
    figures.barriers_per_layer = figures.last.barriers_per_layer;
  }
  return figures;
}

std::string as_json(const Options& options, const LoadedModel& loaded, const Figures& f) {
  const auto scaled = [](std::optional<double> value, double factor) { return value ? std::optional(*value * factor) : std::nullopt; };
  JsonWriter out;
  out.begin_object().member("model", loaded.model.path).member("architecture", loaded.model.architecture);
  out.member("prompt_tokens", options.prompt_tokens).member("generated_tokens", options.generated_tokens);
  out.member("depth", options.depth).member("runs", options.runs);
  out.member("prompt_tokens_per_second", f.prompt_rate).member("generation_tokens_per_second", f.generation_rate);
  out.member("bytes_per_token", f.last.bytes_per_token).member("read_gb_per_s", scaled(f.read_rate, 1e-9));
  out.member("read_bandwidth_gb_per_s", f.bandwidth * 1e-9).member("percent_of_bandwidth", scaled(f.read_rate, 100 / f.bandwidth));
  out.member("macs_per_token", f.last.macs_per_token).member("macs_per_cycle", f.macs_per_cycle);
  out.key("steps").begin_array();
  for (size_t i = 0; i < f.step_seconds.size(); ++i)
    out.begin_object().member("tokens", options.step_sizes[i]).member("milliseconds", f.step_seconds[i] * 1e3).end_object();
  out.end_array();
  out.member("threads", loaded.pool->threads()).member("isa", name(*loaded.evaluate.isa));
  out.member("barriers_per_layer", f.barriers_per_layer);
  out.member("resident_bytes", f.resident_bytes).member("weight_bytes", f.last.weight_bytes).member("kv_bytes", f.last.kv_bytes);
  return out.end_object().take() + "\n";
}

std::string as_text(const Options& options, const LoadedModel& loaded, const Figures& f) {
  std::string out = fmt::format("{}\n{} threads, {}, median of {} runs\n\n", loaded.model.path, loaded.pool->threads(),
                                name(*loaded.evaluate.isa), options.runs);
  const auto line = [&](std::string_view label, double value, std::string_view unit) {
    out += fmt::format("{:<26} {:>10.1f} {}\n", label, value, unit);
  };
  if (f.prompt_rate) line(fmt::format("prompt of {} tokens", options.prompt_tokens), *f.prompt_rate, "tokens/s");
  if (f.macs_per_cycle) line("products in a cycle", *f.macs_per_cycle, "per thread");
  if (f.generation_rate) {
    line(fmt::format("generation of {} tokens", options.generated_tokens), *f.generation_rate, "tokens/s");
    line("read for a token", static_cast<double>(f.last.bytes_per_token) * 1e-6, "MB");
  }
  if (f.read_rate) line("read while generating", *f.read_rate * 1e-9, "GB/s");
  line("read bandwidth", f.bandwidth * 1e-9, "GB/s");
  if (f.read_rate) line("used of it", *f.read_rate / f.bandwidth * 100, "%");
  for (size_t i = 0; i < f.step_seconds.size(); ++i)
    line(fmt::format("step of {} tokens", options.step_sizes[i]), f.step_seconds[i] * 1e3,
         fmt::format("ms, {:.2f} of the first", f.step_seconds[i] / f.step_seconds[0]));
  if (f.barriers_per_layer) line("barriers in a layer", *f.barriers_per_layer, "");
  line("weights", static_cast<double>(f.last.weight_bytes) * 1e-6, "MB");
  line("cache", static_cast<double>(f.last.kv_bytes) * 1e-6, "MB");
  if (f.resident_bytes) line("memory in use", static_cast<double>(*f.resident_bytes) * 1e-6, "MB");
  return out;
}

Result<int> bench(const Options& options) {
  if (options.backends.is_wanted()) return bench_backends(options.backends, options.evaluation.json);
  if (options.prompt_tokens == 0 && options.generated_tokens == 0 && options.step_sizes.empty())
    return invalid("-p 0, -n 0 and no --steps: nothing to measure");
  HB_TRY_ASSIGN(loaded, load(options.evaluation));
  HB_TRY_ASSIGN(figures, gather(options, loaded));
  if (!figures.last.warning.empty()) notify(figures.last.warning);
  print(options.evaluation.json ? as_json(options, loaded, figures) : as_text(options, loaded, figures));
  return 0;
}

}  // namespace

Action declare_bench(Arguments& args) {
  const auto options = std::make_shared<Options>();
  options->evaluation.model = kDefaultModel;
  args.positional("MODEL", options->evaluation.model,
                  fmt::format("a .gguf file, a checkpoint's directory or a model's name ({})", kDefaultModel), Arguments::Needed::kNo);
  args.number("-p,--prompt-tokens", options->prompt_tokens, 0, 1 << 20, "tokens of the prompt; 0: no prompt");
  args.number("-n,--generated-tokens", options->generated_tokens, 0, 1 << 20, "tokens to generate; 0: none");
  args.number("-d,--depth", options->depth, 0, 1 << 20, "tokens already in the context before prompt and generation");
  args.value("--steps", "N,N,...", "time one step of so many tokens, for each N", [options](const std::string& list) -> Result<void> {
    HB_TRY_INTO(options->step_sizes, parse_sizes(list));
    return {};
  });
  args.number("-r,--runs", options->runs, 1, 1000, "runs, of which the median counts");
  declare_evaluation(args, "-t,--threads", options->evaluation);
  declare_backend_bench(args, options->backends);
  return [options] { return bench(*options); };
}

}  // namespace halfbyte
