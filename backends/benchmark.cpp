#include "halfbyte/benchmark.h"

#include <sys/utsname.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <numeric>
#include <thread>

#include "backends/json_text.h"
#include "backends/stopwatch.h"
#include "base/errors.h"

namespace halfbyte {
namespace {

constexpr double kToleratedDisagreement = 0.05;

// Linear interpolation between the two nearest of the sorted values.
double percentile(std::vector<double> values, double percent) {
  std::ranges::sort(values);
  const double place = static_cast<double>(values.size() - 1) * percent / 100;
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, values.size() - 1);
  return std::lerp(values[below], values[above], place - static_cast<double>(below));
}

std::string machine() {
  utsname system{};
  ::uname(&system);
  std::string processor = system.machine;
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);)
    if (line.starts_with("model name")) {
      processor = line.substr(std::min(line.find(": ") + 2, line.size()));
      break;
    }
  return fmt::format("{} {}, {}, {} processors", system.sysname, system.release, processor, std::thread::hardware_concurrency());
}

std::optional<double> fact_ms(const Facts& facts, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (const auto found = facts.find(name); found != facts.end()) {
      char* end = nullptr;
      const double ms = std::strtod(found->second.c_str(), &end);
      if (end != found->second.c_str() && *end == '\0' && ms >= 0) return ms;
    }
  return std::nullopt;
}

// Tokens per second of one phase over all requests; none where any of them lacks its count or duration.
std::optional<double> phase_rate(const std::vector<InferenceResult>& results, std::optional<int> InferenceResult::* count,
                                 std::initializer_list<const char*> durations) {
  double tokens = 0, total_ms = 0;
  for (const InferenceResult& result : results) {
    const auto ms = fact_ms(result.metadata, durations);
    if (!ms || !(result.*count)) return std::nullopt;
    tokens += *(result.*count);
    total_ms += *ms;
  }
  return total_ms > 0 ? std::optional(tokens / (total_ms / 1000)) : std::nullopt;
}

std::string cell(std::string text) {
  for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, 1, '\\');
  return text;
}

std::string rate_cell(std::optional<double> rate) { return rate ? fmt::format("{:.2f}", *rate) : "—"; }

Json numbers(const std::vector<double>& values) {
  Json::Array array;
  for (const double value : values) array.emplace_back().value = value;
  return {std::move(array)};
}

template <class T>
Json or_null(const std::optional<T>& value) {
  if (!value) return {nullptr};
  if constexpr (std::is_same_v<T, int>)
    return {int64_t{*value}};
  else
    return {*value};
}

Json facts_json(const Facts& facts) {
  Json::Object object;
  for (const auto& [name, value] : facts) add(object, name, {value});
  return {std::move(object)};
}

Json info_json(const BackendInfo& info) {
  Json::Object object;
  add(object, "name", {info.name});
  add(object, "model_id", {info.model_id});
  add(object, "extra", facts_json(info.extra));
  return {std::move(object)};
}

Json result_json(const InferenceResult& result) {
  Json::Object object;
  add(object, "prompt", {result.prompt});
  add(object, "completion", {result.completion});
  add(object, "prompt_tokens", or_null(result.prompt_tokens));
  add(object, "completion_tokens", or_null(result.completion_tokens));
  add(object, "latency_ms", {result.latency_ms});
  add(object, "backend", info_json(result.backend));
  add(object, "metadata", facts_json(result.metadata));
  return {std::move(object)};
}

}  // namespace

Result<BenchmarkResult> benchmark(Backend& backend, std::span<const std::string> prompts, const BenchmarkOptions& options) {
  if (prompts.empty()) return invalid("prompts: expected at least one, found none");
  if (options.warmup < 0) return invalid("warmup: expected 0 or more, found {}", options.warmup);
  for (int i = 0; i < options.warmup; ++i) HB_TRY(backend.complete(prompts.front(), options.completion));

  BenchmarkResult figures{.backend = backend.info(), .n = prompts.size(), .metadata = options.metadata};
  int tokens = 0;
  bool is_counted = true;
  for (const std::string& prompt : prompts) {
    const Stopwatch clock;
    HB_TRY_ASSIGN(result, backend.complete(prompt, options.completion));
    const double ours = clock.ms();
    if (std::abs(result.latency_ms - ours) > kToleratedDisagreement * ours) figures.clock_disagreements.push_back(figures.results.size());
    figures.wall_latency_ms.push_back(ours);
    figures.per_request_latency_ms.push_back(result.latency_ms);
    figures.per_request_tokens_per_second.push_back(result.tokens_per_second());
    is_counted &= result.completion_tokens.has_value();
    tokens += result.completion_tokens.value_or(0);
    figures.results.push_back(std::move(result));
  }
  const std::vector<double>& latencies = figures.per_request_latency_ms;
  figures.latency_ms_total = std::accumulate(latencies.begin(), latencies.end(), 0.0);
  figures.latency_ms_mean = figures.latency_ms_total / static_cast<double>(figures.n);
  figures.latency_ms_p50 = percentile(latencies, 50);
  figures.latency_ms_p90 = percentile(latencies, 90);
  if (is_counted) figures.completion_tokens_total = tokens;
  if (is_counted && figures.latency_ms_total > 0) figures.tokens_per_second_overall = tokens / (figures.latency_ms_total / 1000);
  figures.first_request_latency_ms = latencies.front();
  if (figures.n > 1)
    figures.later_requests_latency_ms_mean = (figures.latency_ms_total - latencies.front()) / static_cast<double>(figures.n - 1);
  figures.prompt_tokens_per_second =
      phase_rate(figures.results, &InferenceResult::prompt_tokens, {"prompt_ms", "server_prompt_eval_duration_ms"});
  figures.generation_tokens_per_second =
      phase_rate(figures.results, &InferenceResult::completion_tokens, {"generation_ms", "server_eval_duration_ms"});
  // emplace() leaves the caller's entries of the same names.
  figures.metadata.emplace("machine", machine());
  figures.metadata.emplace("sampling", sampling_json(options.completion));
  figures.metadata.emplace("warmup", std::to_string(options.warmup));
  for (const char* name : {"quantization", "context"})
    if (const auto known = figures.backend.extra.find(name); known != figures.backend.extra.end())
      figures.metadata.emplace(name, known->second);
  return figures;
}

std::string BenchmarkResult::to_markdown() const { return markdown_table({this, 1}); }

std::string BenchmarkResult::to_json() const {
  Json::Array rates, disagreements, answers;
  for (const auto& rate : per_request_tokens_per_second) rates.push_back(or_null(rate));
  for (const size_t number : clock_disagreements) disagreements.emplace_back().value = static_cast<int64_t>(number);
  for (const InferenceResult& result : results) answers.push_back(result_json(result));
  Json::Object object;
  add(object, "backend", info_json(backend));
  add(object, "n", {static_cast<int64_t>(n)});
  add(object, "latency_ms_total", {latency_ms_total});
  add(object, "latency_ms_mean", {latency_ms_mean});
  add(object, "latency_ms_p50", {latency_ms_p50});
  add(object, "latency_ms_p90", {latency_ms_p90});
  add(object, "completion_tokens_total", or_null(completion_tokens_total));
  add(object, "tokens_per_second_overall", or_null(tokens_per_second_overall));
  add(object, "per_request_latency_ms", numbers(per_request_latency_ms));
  add(object, "per_request_tokens_per_second", {std::move(rates)});
  add(object, "first_request_latency_ms", {first_request_latency_ms});
  add(object, "later_requests_latency_ms_mean", or_null(later_requests_latency_ms_mean));
  add(object, "prompt_tokens_per_second", or_null(prompt_tokens_per_second));
  add(object, "generation_tokens_per_second", or_null(generation_tokens_per_second));
  add(object, "wall_latency_ms", numbers(wall_latency_ms));
  add(object, "clock_disagreements", {std::move(disagreements)});
  add(object, "results", {std::move(answers)});
  add(object, "metadata", facts_json(metadata));
  return json_text({std::move(object)});
}

std::string markdown_table(std::span<const BenchmarkResult> results) {
  std::string table =
      "| backend | model | n | mean ms | p50 ms | p90 ms | first ms | tokens | tokens/s | prompt tokens/s | generation tokens/s |\n"
      "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n";
  for (const BenchmarkResult& r : results)
    table +=
        fmt::format("| {} | {} | {} | {:.1f} | {:.1f} | {:.1f} | {:.1f} | {} | {} | {} | {} |\n", cell(r.backend.name),
                    cell(r.backend.model_id), r.n, r.latency_ms_mean, r.latency_ms_p50, r.latency_ms_p90, r.first_request_latency_ms,
                    r.completion_tokens_total ? std::to_string(*r.completion_tokens_total) : "—", rate_cell(r.tokens_per_second_overall),
                    rate_cell(r.prompt_tokens_per_second), rate_cell(r.generation_tokens_per_second));
  return table;
}

}  // namespace halfbyte
