// How fast a backend answers: one measurement written against the interface, the same for every kind.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "halfbyte/backend.h"

namespace halfbyte {

struct BenchmarkOptions {
  CompletionOptions completion = {.max_new_tokens = 64};
  int warmup = 0;  // requests of the first prompt that come before and do not count
  Facts metadata;  // kept in the result; an entry of the same name takes the place of a measured one
};

// The figures of one run, requests in order. Times in milliseconds, rates in completion tokens per second.
struct BenchmarkResult {
  BackendInfo backend;
  size_t n = 0;
  double latency_ms_total = 0, latency_ms_mean = 0;
  double latency_ms_p50 = 0, latency_ms_p90 = 0;    // interpolated between the two nearest requests
  std::optional<int> completion_tokens_total;       // absent: a request had no count
  std::optional<double> tokens_per_second_overall;  // the same
  std::vector<double> per_request_latency_ms;
  std::vector<std::optional<double>> per_request_tokens_per_second;
  std::vector<InferenceResult> results;

  double first_request_latency_ms = 0;                   // cold, unless warmed up
  std::optional<double> later_requests_latency_ms_mean;  // absent: there was one request
  // Where the backend times the two apart (metadata prompt_ms and generation_ms, or a server's own durations).
  std::optional<double> prompt_tokens_per_second, generation_tokens_per_second;
  std::vector<double> wall_latency_ms;      // our clock around each call
  std::vector<size_t> clock_disagreements;  // requests whose latency by the backend differs from that by more than 5 %
  Facts metadata;                           // machine, sampling, warmup, and the caller's

  std::string to_markdown() const;  // a table of one row
  std::string to_json() const;      // all of it, the prompts and completions too
};

// Completes `prompts` one after the other. kInvalid: no prompts, negative warmup. A failure of the backend goes through.
Result<BenchmarkResult> benchmark(Backend& backend, std::span<const std::string> prompts, const BenchmarkOptions& options = {});

// Several results as one Markdown table, a row each.
std::string markdown_table(std::span<const BenchmarkResult> results);

}  // namespace halfbyte
