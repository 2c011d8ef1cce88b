// halfbyte run: a completion for a prompt, or a chat.
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <optional>

#include "backends/stored_defaults.h"
#include "cli/adapter_options.h"
#include "cli/chat.h"
#include "cli/commands.h"
#include "cli/grammar_options.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/model_file.h"
#include "cli/notice.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/reply.h"
#include "cli/reply_json.h"
#include "cli/session.h"
#include "cli/stored_calibration.h"
#include "cli/trace_file.h"

namespace halfbyte {
namespace {

struct Options {
  std::string model{kDefaultModel};
  std::vector<std::string> prompt;
  std::string system, session, trace, prefix_cache;
  bool raw = false, parse_special = false, hides_thoughts = false, verbose = false, no_prefix_cache = false, json = false;
  std::optional<bool> thinks;
  std::optional<Overflow> overflow;
  ChosenReply reply;
  EngineOptions engine;
  std::string draft_model;
  ChosenAdapters adapters;
};

// The words given, and after a blank line what is piped in. Without words, what is piped in: `raw` byte for byte.
Result<std::string> read_prompt(const std::vector<std::string>& words, bool raw) {
  const auto piped_text = [&]() -> Result<std::string> {
    HB_TRY_ASSIGN(text, read_stdin());
    return raw ? std::move(text) : as_prompt(std::move(text));
  };
  const std::string given = fmt::format("{}", fmt::join(words, " "));
  if (words.empty()) return piped_text();
  if (!stdin_may_hold_text()) return given;
  pollfd stdin_state{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  if (::poll(&stdin_state, 1, 2000) == 0) notify("reading stdin to its end, to add it to the prompt (< /dev/null if there is none)");
  HB_TRY_ASSIGN(piped, piped_text());
  if (piped.empty()) return given;
  return fmt::format("{}\n\n{}", given, piped);
}

Result<int> complete(const std::shared_ptr<Engine>& owned, ChatOptions options, std::string prompt, bool as_json) {
  Engine& engine = *owned;
  if (!options.raw && prompt.ends_with('\n')) prompt.pop_back();  // the newline of `echo`
  options.conversation.ask(std::move(prompt));
  HB_TRY_ASSIGN(question, question_of(engine, options, options.conversation));
  const Request& request = question.request;
  if (request.prompt.empty())
    return unsupported("{}: the prompt has no tokens: the model has no tokenizer, or none for this text", options.model);

  const InterruptWatch interrupt;
  const auto keep = [&](std::string said) -> Result<void> {
    options.conversation.answer(std::move(said));
    if (options.session.empty()) return {};
    return keep_session(engine, options.session, options.parse_special, options.request.adapters, options.conversation);
  };
  if (as_json) {
    HB_TRY_ASSIGN(told, tell_reply(owned, request, question.reader, interrupt));
    print(told.json + "\n");
    HB_TRY(keep(std::move(told.text)));
    return told.is_cancelled ? kInterruptedStatus : 0;
  }
  ReplyPrinter printer(options.shows_thoughts);
  HB_TRY_ASSIGN(reply, stream_reply(engine, request, std::move(question.reader), interrupt, printer));
  if (stdout_is_terminal() && !reply.text.ends_with('\n')) print("\n");
  if (options.verbose) print_aside(usage_text(reply.usage));
  if (!reply.warning.empty()) notify(reply.warning);
  if (reply.reason == FinishReason::kLength && reply.usage.completion_tokens != request.max_tokens)
    notify(fmt::format("the reply ends here: the context of {} tokens is full", engine.context_tokens()));
  HB_TRY(keep(reply.text));
  return reply.reason == FinishReason::kCancelled ? kInterruptedStatus : 0;
}

Result<int> run(const Options& options) {
  HB_TRY_ASSIGN(found, find_model(options.model));
  const bool is_chat = !options.json && options.prompt.empty() && stdin_is_terminal() && stdout_is_terminal();
  if (!options.json) HB_TRY(check_fits_terminal(options.reply.request));
  std::string prompt;
  if (!is_chat) {
    HB_TRY_INTO(prompt, read_prompt(options.prompt, options.raw));
    if (prompt.empty()) return invalid("the prompt is empty: give one as an argument or on stdin");
  }
  const auto start = std::chrono::steady_clock::now();
  ChosenReply chosen = options.reply;
  ChatOptions reply{.model = options.model,
                    .conversation = Conversation(options.system.empty() ? found.system : options.system),
                    .session = options.session,
                    .raw = options.raw,
                    .parse_special = options.parse_special,
                    .thinks = options.thinks,
                    .shows_thoughts = !options.hides_thoughts && (stdout_is_terminal() || options.thinks.value_or(false)),
                    .verbose = options.verbose,
                    .overflow = options.overflow.value_or(is_chat ? Overflow::kDropTurns : Overflow::kError)};
  if (options.engine.threads == 0) reply.calibration_file = calibration_file_from_environment();
  EngineOptions engine_options = options.engine;
  engine_options.adapters = options.adapters.files;
  if (!options.draft_model.empty()) {
    HB_TRY_ASSIGN(draft, find_model(options.draft_model));
    engine_options.draft_model = draft.path;
  }
  HB_TRY_ASSIGN(defaults, apply_stored_defaults(found.parameters, chosen));
  reply.request = std::move(chosen.request);
  reply.request.adapters = options.adapters.uses;
  if (!reply.request.sampling.seed) reply.request.sampling.seed = random_seed();
  if (engine_options.context_tokens == 0) HB_TRY_INTO(engine_options.context_tokens, stored_context(found.path, defaults.context_tokens));
  for (const auto* notes : {&found.notes, &defaults.notes})
    for (const std::string& note : *notes) notify(fmt::format("{}: not taken: {}", found.name, note));
  engine_options.prefix_cache = !options.no_prefix_cache;
  engine_options.prefix_cache_folder = options.prefix_cache;
  engine_options.threads = threads_or_calibrated(options.engine.threads);
  std::optional<Notice> notice(std::in_place, fmt::format("loading {} ...", options.model));
  HB_TRY_ASSIGN(opened, Engine::open(found.path, engine_options));
  notice.reset();
  const auto owned = std::make_shared<Engine>(std::move(opened));
  Engine& engine = *owned;
  for (const std::string& warning : engine.warnings()) print_aside(fmt::format("warning: {}\n", warning));
  if (!options.raw) HB_TRY(engine.conversation().check());
  const bool has_template = !options.raw && engine.conversation().has_template();
  if (found.has_foreign_template && !options.raw && !has_template)
    notify(fmt::format("{}: not taken: its prompt template in Go's language; the model file has no other", found.name));
  if (!options.system.empty() && options.raw) return invalid("--system: there is no chat template to put it in (--raw)");
  if (!options.session.empty()) {
    if (options.raw) return invalid("--session: there is no chat template for a conversation (--raw)");
    HB_TRY_ASSIGN(known, resume_session(engine, options.session, reply.request.adapters, reply.conversation));
    if (options.verbose) print_aside(fmt::format("session     {:>6} tokens known from before\n", known));
  }
  const std::chrono::duration<double, std::milli> load = std::chrono::steady_clock::now() - start;
  if (options.verbose)
    print_aside(fmt::format("load        {:>23.1f} ms\nmemory      {}\nthreads     {:>6}\nseed        {}\n", load.count(),
                            memory_text(engine.memory()), engine.threads(), *reply.request.sampling.seed));

  // A prompt alone is a text to continue for a model that knows no conversations; with more around it, and in a chat, it is a transcript.
  if (!is_chat && !has_template && options.session.empty() && reply.conversation.system().empty()) reply.raw = true;
  if (is_chat) return chat(engine, std::move(reply));
  return complete(owned, std::move(reply), std::move(prompt), options.json);
}

}  // namespace

Action declare_run(Arguments& args) {
  const auto options = std::make_shared<Options>();
  args.positional("MODEL", options->model, fmt::format("a .gguf file, a checkpoint's directory or a model's name ({})", kDefaultModel),
                  Arguments::Needed::kNo);
  args.rest(
      "PROMPT", options->prompt,
      "what to answer; stdin is added to it. Neither, on a terminal: a chat, which measures this machine once while it is idle after an "
      "answer, unless --threads is given");
  args.text("--system", options->system, "the system message");
  args.text("--session", options->session,
            "a file that keeps the conversation: goes on with it, if there is one, and writes it in the end");
  args.flag("--raw", options->raw, "continue the prompt as it stands, without the model's chat template");
  args.flag("--parse-special", options->parse_special, "a control token that a message spells (<|im_end|>) is that token, and no text");
  args.value("--think", "true|false",
             "whether a model that can think before it answers does; its thoughts are shown dimmed, in a pipe only with true",
             [options](const std::string& word) -> Result<void> {
               if (word != "true" && word != "false") return invalid("'{}': expected true or false", escaped(word));
               options->thinks = word == "true";
               return {};
             });
  args.value("--overflow", "error|drop-turns",
             "what a conversation does that does not fit the context: fail, or let its oldest turns go, and say so; a chat drops turns",
             [options](const std::string& word) -> Result<void> {
               if (word != "error" && word != "drop-turns") return invalid("'{}': expected error or drop-turns", escaped(word));
               options->overflow = word == "error" ? Overflow::kError : Overflow::kDropTurns;
               return {};
             });
  args.flag("--hidethinking", options->hides_thoughts, "do not show what the model thinks");
  declare_reply_options(args, options->reply);
  declare_grammar(args, options->reply.request.grammar);
  declare_memory(args, options->engine, "longest prompt and reply together, in tokens; 0: the model's own, at most 4096");
  declare_threads(args, "--threads", options->engine.threads);
  declare_step_options(args, options->engine.chunk_tokens, options->engine.kv_types, options->engine.activations);
  args.text("--prefix-cache", options->prefix_cache, "a folder where what was computed for prompts survives until the next start");
  args.flag("--no-prefix-cache", options->no_prefix_cache, "compute every prompt from its beginning; same text, slower turns");
  declare_speculation(args, options->engine, options->draft_model);
  declare_adapters(args, options->adapters);
  declare_trace(args, options->trace);
  args.flag("--json", options->json, "print the reply as JSON when it is whole: choices, why they ended, log-probabilities, usage");
  args.flag("--verbose", options->verbose, "tell tokens, times and speeds on stderr");
  return [options] { return with_trace(options->trace, options->engine, [&] { return run(*options); }); };
}

}  // namespace halfbyte
