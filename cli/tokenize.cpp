// halfbyte tokenize: text to token ids.
#include <memory>

#include "base/json_writer.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/model_file.h"
#include "cli/options.h"
#include "cli/output.h"

namespace halfbyte {
namespace {

struct Options {
  std::string model;
  std::vector<std::string> text;
  bool json = false, no_special = false, bos = false;
};

Result<int> tokenize(const Options& options) {
  HB_TRY_ASSIGN(tokenizer, open_tokenizer(options.model));
  std::string text;
  if (options.text.empty()) {
    HB_TRY_INTO(text, read_stdin());
  } else {
    text = fmt::format("{}", fmt::join(options.text, " "));
  }
  std::vector<Token> tokens = tokenizer->encode(text, {.add_special = false, .parse_special = !options.no_special});
  if (options.bos) {
    const auto bos = tokenizer->bos();
    if (!bos) return unsupported("{}: --bos: the vocabulary names no beginning-of-text token", options.model);
    tokens.insert(tokens.begin(), *bos);
  }
  if (options.json)
    print(JsonWriter().begin_object().member("tokens", tokens).end_object().take() + "\n");
  else
    print(fmt::format("{}\n", fmt::join(tokens, " ")));
  return 0;
}

}  // namespace

Action declare_tokenize(Arguments& args) {
  const auto options = std::make_shared<Options>();
  args.positional("MODEL", options->model, "a .gguf file, a checkpoint's directory or a model's name");
  args.rest("TEXT", options->text, "what to tokenize; without it, stdin, byte for byte");
  declare_json(args, options->json);
  args.flag("--no-special", options->no_special, "names of special tokens in the text are plain text");
  args.flag("--bos", options->bos, "begin with the beginning-of-text token");
  return [options] { return tokenize(*options); };
}

}  // namespace halfbyte
