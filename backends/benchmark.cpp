#include "halfbyte/benchmark.h"

#include <sys/utsname.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <numeric>
#include <thread>

#include "backends/json_members.h"
#include "backends/stopwatch.h"
#include "base/errors.h"
#include "base/percentile.h"

namespace halfbyte {
namespace {

constexpr double kToleratedDisagreement = 0.05;

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

std::optional<double> fact_number(const Facts& facts, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (const auto found = facts.find(name); found != facts.end()) {
      char* end = nullptr;
      const double number = std::strtod(found->second.c_str(), &end);
      if (end != found->second.c_str() && *end == '\0' && number >= 0) return number;
    }
  return std::nullopt;
}

// Tokens per second of one phase over all requests; none where any of them lacks its count or duration.
std::optional<double> phase_rate(const std::vector<InferenceResult>& results, std::optional<int> InferenceResult::* count,
                                 std::initializer_list<const char*> durations) {
  double tokens = 0, total_ms = 0;
  for (const InferenceResult& result : results) {
    const auto ms = fact_number(result.metadata, durations);
    if (!ms || !(result.*count)) return std::nullopt;
    tokens += *(result.*count);
    if (count == &InferenceResult::prompt_tokens) tokens -= fact_number(result.metadata, {"cached_tokens"}).value_or(0);  // took no time
    total_ms += *ms;
  }
  return total_ms > 0 ? std::optional(tokens / (total_ms / 1000)) : std::nullopt;
}

std::string cell(std::string text) {
  for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, 1, '\\');
  return text;
}

std::string rate_cell(std::optional<double> rate) { return rate ? fmt::format("{:.2f}", *rate) : "—"; }

void write(JsonWriter& json, const Facts& facts) {
  json.begin_object();
  for (const auto& [name, value] : facts) json.member(name, value);
  json.end_object();
}

void write(JsonWriter& json, const BackendInfo& info) {
  json.begin_object().member("name", info.name).member("model_id", info.model_id);
  write(json.key("extra"), info.extra);
  json.end_object();
}

void write(JsonWriter& json, const InferenceResult& result) {
  json.begin_object().member("prompt", result.prompt).member("completion", result.completion);
  json.member("prompt_tokens", result.prompt_tokens).member("completion_tokens", result.completion_tokens);
  json.member("latency_ms", result.latency_ms);
  write(json.key("backend"), result.backend);
  write(json.key("metadata"), result.metadata);
  json.end_object();
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
  JsonWriter json;
  json.begin_object();
  write(json.key("backend"), backend);
  json.member("n", n);
  json.member("latency_ms_total", latency_ms_total).member("latency_ms_mean", latency_ms_mean);
  json.member("latency_ms_p50", latency_ms_p50).member("latency_ms_p90", latency_ms_p90);
  json.member("completion_tokens_total", completion_tokens_total).member("tokens_per_second_overall", tokens_per_second_overall);
  json.member("per_request_latency_ms", per_request_latency_ms);
  json.member("per_request_tokens_per_second", per_request_tokens_per_second);
  json.member("first_request_latency_ms", first_request_latency_ms);
  json.member("later_requests_latency_ms_mean", later_requests_latency_ms_mean);
  json.member("prompt_tokens_per_second", prompt_tokens_per_second);
  json.member("generation_tokens_per_second", generation_tokens_per_second);
  json.member("wall_latency_ms", wall_latency_ms).member("clock_disagreements", clock_disagreements);
  json.key("results").begin_array();
  for (const InferenceResult& result : results) write(json, result);
  json.end_array();
  write(json.key("metadata"), metadata);
  return json.end_object().take();
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
