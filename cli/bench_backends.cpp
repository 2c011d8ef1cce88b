#include "cli/bench_backends.h"

#include "base/file.h"
#include "base/json_writer.h"
#include "base/white_space.h"
#include "cli/input.h"
#include "cli/notice.h"
#include "cli/output.h"
#include "halfbyte/backends.h"
#include "halfbyte/benchmark.h"

namespace halfbyte {
namespace {

std::vector<std::string> filled_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!is_blank(line)) lines.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

Result<std::string> prompt_of(const Json& entry, const std::string& file, size_t number) {
  const Json* member = entry.find("prompt");
  const std::string* prompt = member != nullptr ? member->text() : entry.text();
  if (prompt == nullptr || prompt->empty()) return corrupt("{}: prompt {}: expected text, or an object with `prompt`", file, number);
  return *prompt;
}

}  // namespace

Result<std::vector<std::string>> read_prompts(const std::string& file, const std::string& text) {
  std::vector<std::string> prompts;
  if (file.ends_with(".json")) {
    HB_TRY_ASSIGN(entries, parse_json(text, file));
    if (entries.array() == nullptr) return corrupt("{}: expected a list of prompts", file);
    for (const Json& entry : *entries.array()) {
      HB_TRY_ASSIGN(prompt, prompt_of(entry, file, prompts.size()));
      prompts.push_back(std::move(prompt));
    }
  } else if (file.ends_with(".jsonl")) {
    for (const std::string& line : filled_lines(text)) {
      HB_TRY_ASSIGN(entry, parse_json(line, file));
      HB_TRY_ASSIGN(prompt, prompt_of(entry, file, prompts.size()));
      prompts.push_back(std::move(prompt));
    }
  } else {
    prompts = filled_lines(text);
  }
  if (prompts.empty()) return invalid("{}: expected at least one prompt, found none", file);
  return prompts;
}

Result<int> bench_backends(const BackendBenchOptions& options, bool json) {
  if (options.backends.empty()) return invalid("--prompts: needs at least one --backend");
  if (options.prompts.empty()) return invalid("--backend: needs --prompts FILE");
  HB_TRY_ASSIGN(text, options.prompts == "-" ? read_stdin() : read_text(options.prompts, kMostInputBytes));
  HB_TRY_ASSIGN(prompts, read_prompts(options.prompts, text));

  std::vector<BenchmarkResult> results;
  for (const std::string& word : options.backends) {
    const Notice notice(fmt::format("measuring {} ...", without_address(word)));
    HB_TRY_ASSIGN(backend, open_backend(word));
    HB_TRY_ASSIGN(result, benchmark(*backend, prompts,
                                    {.completion = {.max_new_tokens = options.max_tokens, .sampling = {.temperature = options.temperature}},
                                     .warmup = options.warmup}));
    results.push_back(std::move(result));
  }
  if (json) {
    JsonWriter out;
    out.begin_array();
    for (const BenchmarkResult& result : results) out.json(result.to_json());
    print(out.end_array().take() + "\n");
  } else {
    print_foreign(markdown_table(results));
  }
  return 0;
}

void declare_backend_bench(Arguments& args, BackendBenchOptions& options) {
  args.repeated("--backend", "KIND:MODEL",
                "with --prompts: time local, ollama, openai, artifact, prodlm or auto on those instead; repeat to compare; "
                "services elsewhere: ollama:MODEL@http://HOST:PORT, openai:MODEL@https://HOST/v1",
                [&options](const std::string& word) -> Result<void> {
                  options.backends.push_back(word);
                  return {};
                });
  args.text("--prompts", options.prompts, "a file of prompts: one per line, .json, .jsonl; - is stdin");
  args.number("--max-tokens", options.max_tokens, 1, 1 << 24, "longest completion of a --backend, in tokens");
  args.number("--temperature", options.temperature, 0.0F, 100.0F, "of a --backend");
  args.number("--warmup", options.warmup, 0, 1000, "requests to a --backend that come before and do not count");
}

}  // namespace halfbyte
