#include "tests/reference/reference_models.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/errors.h"
#include "base/file.h"
#include "kernels/isa.h"

namespace halfbyte {
namespace {

double number(const Json& json) {
  if (const auto* i = std::get_if<int64_t>(&json.value)) return static_cast<double>(*i);
  return std::get<double>(json.value);
}

}  // namespace

bool is_quick() { return std::getenv("HALFBYTE_TEST_QUICK") != nullptr; }

std::string missing_isa() {
  const auto isa = choose_isa();
  return isa ? std::string() : isa.error().message;
}

std::string tiny_test_name(const testing::TestParamInfo<const char*>& name) {
  std::string out = name.param;
  std::ranges::replace(out, '-', '_');
  return out;
}

Result<Model> load_real_model(const RealModel& model, ThreadPool& pool) {
  const char* folder = std::getenv("HALFBYTE_MODELS");
  if (folder == nullptr) return not_found("HALFBYTE_MODELS is not set; `make test-models` fetches the models and `make test` sets it");
  return load_model(std::filesystem::path(folder) / model.file, pool);
}

Json read_json(const std::filesystem::path& path) {
  auto text = read_text(path, uint64_t{64} << 20);
  if (!text) return {};
  auto json = parse_json(*text, path.string());
  return json ? std::move(*json) : Json{};
}

std::vector<Token> tokens_of(const Json& list) {
  std::vector<Token> tokens;
  for (const Json& token : *list.array()) tokens.push_back(static_cast<Token>(std::get<int64_t>(token.value)));
  return tokens;
}

std::vector<double> numbers_of(const Json& list) {
  std::vector<double> numbers;
  for (const Json& json : *list.array()) numbers.push_back(number(json));
  return numbers;
}

Result<std::vector<std::vector<float>>> logits_from(const Model& model, ThreadPool& pool, std::span<const Token> tokens,
                                                    const EvaluateOptions& options, size_t first) {
  std::vector<std::vector<float>> rows;
  HB_TRY(evaluate(model, pool, tokens, options, first,
                  [&](size_t, std::span<const float> logits) { rows.emplace_back(logits.begin(), logits.end()); }));
  return rows;
}

Token most_likely(std::span<const float> logits) { return static_cast<Token>(std::ranges::max_element(logits) - logits.begin()); }

double negative_log_likelihood(std::span<const float> logits, Token token) {
  const double largest = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float x : logits) sum += std::exp(x - largest);
  return largest + std::log(sum) - logits[static_cast<size_t>(token)];
}

}  // namespace halfbyte
