// halfbyte perplexity: how well a model predicts a text, in one window.
#include <cmath>
#include <memory>

#include "base/file.h"
#include "base/json_writer.h"
#include "cli/commands.h"
#include "cli/evaluation.h"
#include "cli/input.h"
#include "cli/output.h"

namespace halfbyte {
namespace {

struct Options {
  EvaluationOptions evaluation;
  std::string file;
  int tokens = 0;  // 0: all of the file
};

Result<std::vector<Token>> read_tokens(const Options& options, const Tokenizer& tokenizer) {
  HB_TRY_ASSIGN(text, read_text(options.file, kMostInputBytes));
  std::vector<Token> tokens = tokenizer.encode(text);
  if (const auto bos = tokenizer.bos(); bos && tokenizer.adds_bos()) tokens.insert(tokens.begin(), *bos);
  if (options.tokens > 0 && tokens.size() > static_cast<size_t>(options.tokens)) tokens.resize(static_cast<size_t>(options.tokens));
  if (tokens.size() < 2) return invalid("{}: {} token, expected 2 at least: nothing to predict", options.file, tokens.size());
  return tokens;
}

Result<int> perplexity(const Options& options) {
  HB_TRY_ASSIGN(loaded, load(options.evaluation));
  HB_TRY_ASSIGN(tokens, read_tokens(options, *loaded.model.tokenizer));
  HB_TRY_ASSIGN(scores, log_probabilities(loaded.model, *loaded.pool, tokens, loaded.evaluate));

  std::vector<float> nll;  // nats, of each token after the first
  double sum = 0;
  for (const double score : scores) {
    sum -= score;
    nll.push_back(static_cast<float>(-score));
  }
  const double mean = sum / static_cast<double>(nll.size());
  if (options.evaluation.json)
    print(JsonWriter()
              .begin_object()
              .member("perplexity", std::exp(mean))
              .member("mean_nll", mean)
              .member("tokens", tokens.size())
              .member("nll", nll)
              .end_object()
              .take() +
          "\n");
  else
    print(fmt::format("perplexity  {:.4f}\nmean nll    {:.5f}\ntokens      {}\n", std::exp(mean), mean, tokens.size()));
  return 0;
}

}  // namespace

Action declare_perplexity(Arguments& args) {
  const auto options = std::make_shared<Options>();
  args.positional("MODEL", options->evaluation.model, "a .gguf file, a checkpoint's directory or a model's name");
  args.positional("FILE", options->file, "a text file");
  args.number("--tokens", options->tokens, 0, 1 << 24, "use the first N tokens, the model's BOS included; 0: all");
  declare_evaluation(args, "--threads", options->evaluation);
  return [options] { return perplexity(*options); };
}

}  // namespace halfbyte
