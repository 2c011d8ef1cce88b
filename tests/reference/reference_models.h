// Models with recorded results, and what the tests of whole models ask of them.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include "base/json.h"
#include "measure/evaluate.h"

namespace halfbyte {

// HALFBYTE_TEST_QUICK is set: prompts, and 128 tokens of the long text. For scalar and sanitized runs.
bool is_quick();

// The instruction set that HALFBYTE_ISA forces is not on this processor; the text says so. Empty: all is well.
std::string missing_isa();

// A real model of HALFBYTE_MODELS with its entry in tests/data/golden.
struct RealModel {
  const char* name;  // for test names
  const char* file;
  const char* golden;
  friend void PrintTo(const RealModel& model, std::ostream* out) { *out << model.name; }
};
inline constexpr RealModel kRealModels[] = {
    {"SmolLM2_135M", "smollm2-135m.gguf", "smollm2-135m-q4_1.json"},
    {"Gemma3_270M", "gemma3-270m-q4_k_m.gguf", "gemma3-270m-q4_k_m.json"},
};

// The random checkpoints of tests/data/tiny.
inline constexpr const char* kTinyModels[] = {"llama-hd", "llama-rope3", "llama-yarn", "mistral-swa", "qwen2",
                                              "qwen3",    "qwen3moe",    "gemma3",     "gpt2"};
std::string tiny_test_name(const testing::TestParamInfo<const char*>& name);

// kNotFound says which variable to set or what to fetch. Tests fail on it: a real model is never left out silently.
Result<Model> load_real_model(const RealModel& model, ThreadPool& pool);
Json read_json(const std::filesystem::path& path);  // of tests/data, so trusted

std::vector<Token> tokens_of(const Json& list);
std::vector<double> numbers_of(const Json& list);

// Logits after each position >= first, one list per position.
Result<std::vector<std::vector<float>>> logits_from(const Model& model, ThreadPool& pool, std::span<const Token> tokens,
                                                    const EvaluateOptions& options, size_t first);
Token most_likely(std::span<const float> logits);                            // ties to the lowest id
double negative_log_likelihood(std::span<const float> logits, Token token);  // in nats

}  // namespace halfbyte
