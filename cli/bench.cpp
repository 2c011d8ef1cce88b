// halfbyte bench: prompt and generation speed, beside what this machine's memory allows.
#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "base/bandwidth.h"
#include "base/cpu.h"
#include "base/process_memory.h"
#include "cli/bench_backends.h"
#include "cli/commands.h"
#include "cli/evaluation.h"
#include "cli/json_writer.h"
#include "cli/model_file.h"
#include "cli/output.h"
#include "engine/measure.h"

namespace halfbyte {
namespace {

constexpr size_t kBandwidthBytes = size_t{512} << 20;  // far above any cache
constexpr int kBandwidthPasses = 6;

struct Options {
  EvaluationOptions evaluation;
  int prompt_tokens = 512, generated_tokens = 128, runs = 5;
  BackendBenchOptions backends;
};

struct Figures {
  std::optional<double> prompt_rate, generation_rate;  // tokens per second, median of the runs
  std::optional<double> read_rate;                     // bytes per second while generating
  std::optional<double> barriers_per_layer;
  std::optional<uint64_t> resident_bytes;
  double bandwidth = 0;  // bytes per second
  Measured last;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

Result<Figures> gather(const Options& options, const LoadedModel& loaded) {
  Figures figures;
  std::vector<double> prompt_rates, generation_rates;
  for (int run = 0; run < options.runs; ++run) {
    HB_TRY_ASSIGN(measured,
                  measure(loaded.model, *loaded.pool, options.prompt_tokens, options.generated_tokens, options.evaluation.evaluate));
    prompt_rates.push_back(options.prompt_tokens / measured.prompt_seconds);
    generation_rates.push_back(options.generated_tokens / measured.generation_seconds);
    figures.last = measured;
    figures.resident_bytes = std::max(figures.resident_bytes, resident_bytes());
  }
  HB_TRY_ASSIGN(bandwidth, measure_read_bandwidth(*loaded.pool, kBandwidthBytes, kBandwidthPasses));
  figures.bandwidth = bandwidth;
  if (options.prompt_tokens > 0) figures.prompt_rate = median(prompt_rates);
  if (options.generated_tokens > 0) {
    const double rate = median(generation_rates);
    figures.generation_rate = rate;
    figures.read_rate = rate * static_cast<double>(figures.last.bytes_per_token);
    figures.barriers_per_layer = figures.last.barriers_per_layer;
  }
  return figures;
}

std::string as_json(const Options& options, const LoadedModel& loaded, const Figures& f, Isa isa) {
  const auto scaled = [](std::optional<double> value, double factor) { return value ? std::optional(*value * factor) : std::nullopt; };
  JsonWriter out;
  out.begin_object().member("model", loaded.model.path).member("architecture", loaded.model.architecture);
  out.member("prompt_tokens", options.prompt_tokens).member("generated_tokens", options.generated_tokens).member("runs", options.runs);
  out.member("prompt_tokens_per_second", f.prompt_rate).member("generation_tokens_per_second", f.generation_rate);
  out.member("bytes_per_token", f.last.bytes_per_token).member("read_gb_per_s", scaled(f.read_rate, 1e-9));
  out.member("read_bandwidth_gb_per_s", f.bandwidth * 1e-9).member("percent_of_bandwidth", scaled(f.read_rate, 100 / f.bandwidth));
  out.member("threads", loaded.pool->threads()).member("isa", name(isa)).member("barriers_per_layer", f.barriers_per_layer);
  out.member("resident_bytes", f.resident_bytes).member("weight_bytes", f.last.weight_bytes).member("kv_bytes", f.last.kv_bytes);
  return out.end_object().take() + "\n";
}

std::string as_text(const Options& options, const LoadedModel& loaded, const Figures& f, Isa isa) {
  std::string out =
      fmt::format("{}\n{} threads, {}, median of {} runs\n\n", loaded.model.path, loaded.pool->threads(), name(isa), options.runs);
  const auto line = [&](std::string_view label, double value, std::string_view unit) {
    out += fmt::format("{:<26} {:>10.1f} {}\n", label, value, unit);
  };
  if (f.prompt_rate) line(fmt::format("prompt of {} tokens", options.prompt_tokens), *f.prompt_rate, "tokens/s");
  if (f.generation_rate) {
    line(fmt::format("generation of {} tokens", options.generated_tokens), *f.generation_rate, "tokens/s");
    line("read for a token", static_cast<double>(f.last.bytes_per_token) * 1e-6, "MB");
  }
  if (f.read_rate) line("read while generating", *f.read_rate * 1e-9, "GB/s");
  line("read bandwidth", f.bandwidth * 1e-9, "GB/s");
  if (f.read_rate) line("used of it", *f.read_rate / f.bandwidth * 100, "%");
  if (f.barriers_per_layer) line("barriers in a layer", *f.barriers_per_layer, "");
  line("weights", static_cast<double>(f.last.weight_bytes) * 1e-6, "MB");
  line("cache", static_cast<double>(f.last.kv_bytes) * 1e-6, "MB");
  if (f.resident_bytes) line("memory in use", static_cast<double>(*f.resident_bytes) * 1e-6, "MB");
  return out;
}

Result<int> bench(const Options& options) {
  if (options.backends.is_wanted()) return bench_backends(options.backends, options.evaluation.json);
  if (options.prompt_tokens == 0 && options.generated_tokens == 0) return invalid("-p 0 and -n 0: nothing to measure");
  HB_TRY_ASSIGN(isa, choose_isa());
  HB_TRY_ASSIGN(loaded, load(options.evaluation));
  HB_TRY_ASSIGN(figures, gather(options, loaded));
  print(options.evaluation.json ? as_json(options, loaded, figures, isa) : as_text(options, loaded, figures, isa));
  return 0;
}

}  // namespace

Action declare_bench(Arguments& args) {
  const auto options = std::make_shared<Options>();
  options->evaluation.model = kDefaultModel;
  args.positional("MODEL", options->evaluation.model, fmt::format("a .gguf file or a model's name ({})", kDefaultModel),
                  Arguments::Needed::kNo);
  args.number("-p,--prompt-tokens", options->prompt_tokens, 0, 1 << 20, "tokens of the prompt; 0: no prompt");
  args.number("-n,--generated-tokens", options->generated_tokens, 0, 1 << 20, "tokens to generate; 0: none");
  args.number("-r,--runs", options->runs, 1, 1000, "runs, of which the median counts");
  declare_evaluation(args, "-t,--threads", options->evaluation);
  declare_backend_bench(args, options->backends);
  return [options] { return bench(*options); };
}

}  // namespace halfbyte
