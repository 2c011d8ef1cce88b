// halfbyte logits: what a model makes of given tokens, to compare engines, threads and instruction sets.
#include <algorithm>
#include <memory>
#include <numeric>

#include "base/json_writer.h"
#include "cli/commands.h"
#include "cli/evaluation.h"
#include "cli/output.h"
#include "cli/token_list.h"

namespace halfbyte {
namespace {

constexpr size_t kShown = 10;

struct Options {
  EvaluationOptions evaluation;
  std::string tokens;
  bool all = false;
};

std::string row_text(const Tokenizer& tokenizer, Token token, float logit) {
  return fmt::format("{:>8} {:>10.4f}  {}\n", token, logit, JsonWriter().value(tokenizer.piece(token, /*special=*/true)).take());
}

// The likeliest tokens after one position, best first, ties to the lowest id.
std::string best_tokens(const Tokenizer& tokenizer, std::span<const float> logits, size_t count) {
  std::vector<Token> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  count = std::min(count, ids.size());
  const auto better = [&](Token a, Token b) {
    const float x = logits[static_cast<size_t>(a)], y = logits[static_cast<size_t>(b)];
    return x > y || (x == y && a < b);
  };
  std::ranges::partial_sort(ids, ids.begin() + static_cast<std::ptrdiff_t>(count), better);
  std::string out;
  for (size_t i = 0; i < count; ++i) out += row_text(tokenizer, ids[i], logits[static_cast<size_t>(ids[i])]);
  return out;
}

Result<int> logits(const Options& options) {
  HB_TRY_ASSIGN(loaded, load(options.evaluation));
  const Tokenizer& tokenizer = *loaded.model.tokenizer;
  HB_TRY_ASSIGN(tokens, parse_token_list(options.tokens, tokenizer.vocabulary_size()));
  if (tokens.empty()) return invalid("--tokens: no token ids");
  const bool json = options.evaluation.json;
  JsonWriter out;
  out.begin_object().key("logits");
  if (options.all) out.begin_array();
  // Printed position by position: all of them together can pass any memory.
  HB_TRY(evaluate(loaded.model, *loaded.pool, tokens, loaded.evaluate, options.all ? 0 : tokens.size() - 1,
                  [&](size_t position, std::span<const float> values) {
                    if (json)
                      print(out.value(values).take());
                    else if (options.all)
                      print(fmt::format("{:>6} {}", position, best_tokens(tokenizer, values, 1)));
                    else
                      print(fmt::format("{:>8} {:>10}  {}\n", "token", "logit", "text") + best_tokens(tokenizer, values, kShown));
                  }));
  if (options.all) out.end_array();
  if (json) print(out.end_object().take() + "\n");
  return 0;
}

}  // namespace

Action declare_logits(Arguments& args) {
  const auto options = std::make_shared<Options>();
  args.positional("MODEL", options->evaluation.model, "a .gguf file, a checkpoint's directory or a model's name");
  args.text("--tokens", options->tokens, "token ids, as `halfbyte tokenize` prints them");
  args.flag("--all", options->all, "after every token, not only the last");
  declare_evaluation(args, "--threads", options->evaluation);
  return [options] { return logits(*options); };
}

}  // namespace halfbyte
