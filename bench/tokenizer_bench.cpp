// Tokenizers: bytes a second on English text and on a mebibyte of what is hard to merge, and the time to open one.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "formats/checkpoint.h"
#include "text/tokenizer.h"

namespace {

using namespace halfbyte;

std::string english() {
  std::stringstream text;
  text << std::ifstream(HALFBYTE_TEST_DATA "/golden/long.txt", std::ios::binary).rdbuf();
  std::string megabyte;
  while (megabyte.size() < 1000000) megabyte += text.str();
  return megabyte;
}

std::string repeated(std::string_view part) {
  std::string mebibyte;
  while (mebibyte.size() < (1 << 20)) mebibyte += part;
  return mebibyte;
}

void encode(benchmark::State& state, const Tokenizer& tokenizer, const std::string& text) {
  size_t tokens = 0;
  for (auto _ : state) tokens = tokenizer.encode(text).size();
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
  state.counters["bytes_per_token"] = static_cast<double>(text.size()) / static_cast<double>(tokens);
}

void open(benchmark::State& state, const Metadata& metadata) {
  for (auto _ : state) benchmark::DoNotOptimize(Tokenizer::open(metadata));
}

// The test vocabularies and, when HALFBYTE_MODELS names a folder, the models in it.
std::vector<std::filesystem::path> vocabularies() {
  std::vector<std::filesystem::path> paths;
  const char* models = std::getenv("HALFBYTE_MODELS");
  for (const std::filesystem::path folder : {HALFBYTE_TEST_DATA "/tokenizers", models == nullptr ? "" : models}) {
    if (folder.empty()) continue;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      if (entry.path().extension() == ".gguf") paths.push_back(entry.path());
  }
  return paths;
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  const std::string prose = english();
  const std::pair<const char*, std::string> hard[] = {
      {"one_letter", repeated("a")}, {"blanks", repeated(" ")}, {"no_blanks", repeated("the")}};
  std::vector<Checkpoint> checkpoints;
  std::vector<std::unique_ptr<Tokenizer>> tokenizers;
  for (const auto& path : vocabularies()) {
    auto checkpoint = open_gguf(path);
    auto tokenizer = checkpoint ? Tokenizer::open(checkpoint->metadata) : checkpoint.error();
    if (!tokenizer) {
      std::fprintf(stderr, "%s\n", tokenizer.error().message.c_str());
      return 1;
    }
    checkpoints.push_back(std::move(*checkpoint));
    tokenizers.push_back(std::move(*tokenizer));
  }
  for (size_t i = 0; i < tokenizers.size(); ++i) {
    const Tokenizer& tokenizer = *tokenizers[i];
    const Metadata& metadata = checkpoints[i].metadata;
    const std::string name = std::filesystem::path(metadata.path()).stem().string();
    benchmark::RegisterBenchmark((name + "/open").c_str(), [&](benchmark::State& state) {
      open(state, metadata);
    })->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark((name + "/english").c_str(), [&](benchmark::State& state) {
      encode(state, tokenizer, prose);
    })->Unit(benchmark::kMillisecond);
    for (const auto& [kind, text] : hard)
      benchmark::RegisterBenchmark((name + "/" + kind).c_str(), [&tokenizer, &t = text](benchmark::State& state) {
        encode(state, tokenizer, t);
      })->Unit(benchmark::kMillisecond);
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
