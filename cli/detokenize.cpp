// halfbyte detokenize: token ids to text.
#include <memory>

#include "base/json_writer.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/model_file.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/token_list.h"

namespace halfbyte {
namespace {

struct Options {
  std::string model;
  std::vector<std::string> ids;
  bool json = false, no_special = false;
};

Result<int> detokenize(const Options& options) {
  HB_TRY_ASSIGN(tokenizer, open_tokenizer(options.model));
  std::string list = fmt::format("{}", fmt::join(options.ids, " "));
  if (options.ids.empty()) HB_TRY_INTO(list, read_stdin());
  HB_TRY_ASSIGN(tokens, parse_token_list(list, tokenizer->vocabulary_size()));
  const std::string text = tokenizer->decode(tokens, !options.no_special);
  if (options.json)
    print(JsonWriter().begin_object().member("text", text).end_object().take() + "\n");
  else
    print_foreign(text);
  return 0;
}

}  // namespace

Action declare_detokenize(Arguments& args) {
  const auto options = std::make_shared<Options>();
  args.positional("MODEL", options->model, "a .gguf file, a checkpoint's directory or a model's name");
  args.rest("IDS", options->ids, "token ids, as `tokenize` prints them; without them, stdin");
  declare_json(args, options->json);
  args.flag("--no-special", options->no_special, "leave special tokens out of the text");
  return [options] { return detokenize(*options); };
}

}  // namespace halfbyte
