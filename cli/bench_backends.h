// halfbyte bench --backend: several backends on the same prompts, side by side.
#pragma once

#include <string>
#include <vector>

#include "cli/command_line.h"

namespace halfbyte {

struct BackendBenchOptions {
  std::vector<std::string> backends;  // KIND:MODEL
  std::string prompts;                // file, or "-"
  int max_tokens = 64, warmup = 0;
  float temperature = 0;

  bool is_wanted() const { return !backends.empty() || !prompts.empty(); }
};
void declare_backend_bench(Arguments& args, BackendBenchOptions& options);
Result<int> bench_backends(const BackendBenchOptions& options, bool json);

// One prompt per line, blank lines passed over; in a .json or .jsonl file, strings or objects with `prompt`.
Result<std::vector<std::string>> read_prompts(const std::string& file, const std::string& text);

}  // namespace halfbyte
