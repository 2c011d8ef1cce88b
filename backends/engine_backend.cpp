#include "backends/engine_backend.h"

#include <atomic>
#include <deque>
#include <ranges>
#include <tuple>

#include "backends/checks.h"
#include "backends/drop_turns.h"
#include "backends/embeddings.h"
#include "backends/engine_request.h"
#include "backends/stored_defaults.h"
#include "base/errors.h"
#include "sampling/fields.h"
#include "store/model_store.h"
#include "text/conversation.h"

namespace halfbyte {
namespace {

using Clock = std::chrono::steady_clock;
using Timeout = std::optional<std::chrono::milliseconds>;

// Reads a stream to its end; after the sink has refused a piece nothing is read.
template <class Stream>
auto drive(Stream& stream, const TextSink& sink) {
  for (;;) {
    const StreamStep step = stream.next();
    if (step.kind == StreamStep::Kind::kFinished) return stream.result();
    if (step.kind == StreamStep::Kind::kText && !sink(step.text)) stream.cancel();
  }
}

// For calls without a sink: the whole reply, or that it was stopped.
template <class Stream>
auto whole(Stream& stream, const CompletionOptions& options) -> decltype(stream.result()) {
  auto result = stream.result();
  if (result && options.cancel.stop_requested() && result->metadata["finish_reason"] == "cancelled")
    return io_error("{} ({}): the request was cancelled", result->backend.name, result->backend.model_id);
  return result;
}

}  // namespace

struct CompletionStream::Impl {
  EngineRequest run;
  InferenceResult result;
};

CompletionStream::CompletionStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CompletionStream::~CompletionStream() = default;
void CompletionStream::cancel() { impl_->run.cancel(); }

StreamStep CompletionStream::next(Timeout timeout) {
  using Kind = ReplyStream::Step::Kind;
  ReplyStream::Step step = impl_->run.next(timeout);
  impl_->result.completion += step.text;
  if (step.kind == Kind::kNothingYet) return {StreamStep::Kind::kNothingYet, {}};
  return {step.kind == Kind::kText ? StreamStep::Kind::kText : StreamStep::Kind::kFinished, std::move(step.text)};
}

Result<InferenceResult> CompletionStream::result() {
  while (next().kind != StreamStep::Kind::kFinished) {}
  HB_TRY(impl_->run.tell(impl_->result));
  if (!impl_->result.choices.empty()) impl_->result.choices.front().text = impl_->result.completion;
  return impl_->result;
}

struct ChatStream::Impl {
  EngineRequest run;
  ReplyParser parser;
  ReplyParser unread = parser;  // for the other choices
  ChatResult result;
  std::deque<StreamStep> steps{};  // read and not yet given
  bool has_ended = false;
  std::atomic<bool> is_cancelled = false;

  void put(StreamStep::Kind kind, std::string text) {
    if (!text.empty()) steps.push_back({kind, std::move(text)});
  }
  void put(ReplyParser::Delta delta) {
    put(StreamStep::Kind::kThinking, std::move(delta.thinking));
    put(StreamStep::Kind::kText, std::move(delta.content));
  }

  // Of a choice that was not read in pieces.
  void tell_apart(ReplyChoice& choice) const {
    ReplyParser reader = unread;
    ReplyParser::Delta said = reader.push(choice.text), rest = reader.finish();
    choice.text = said.content + rest.content;
    if (std::string thought = said.thinking + rest.thinking; !thought.empty()) choice.thinking = std::move(thought);
    choice.tool_calls = reader.tool_calls();
  }
};

ChatStream::ChatStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ChatStream::~ChatStream() = default;

void ChatStream::cancel() {
  impl_->is_cancelled = true;
  impl_->run.cancel();
}

StreamStep ChatStream::next(Timeout timeout) {
  using Kind = ReplyStream::Step::Kind;
  Impl& self = *impl_;
  const auto until = Clock::now() + timeout.value_or(Timeout::value_type(0));
  for (;;) {
    if (self.is_cancelled) self.steps.clear();
    if (!self.steps.empty()) {
      StreamStep step = std::move(self.steps.front());
      self.steps.pop_front();
      if (step.kind == StreamStep::Kind::kText)
        self.result.content += step.text;
      else
        self.result.thinking = self.result.thinking.value_or("") + step.text;
      return step;
    }
    if (self.has_ended) return {StreamStep::Kind::kFinished, {}};
    Timeout left;
    if (timeout) left = std::max(Timeout::value_type(0), std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()));
    const ReplyStream::Step step = self.run.next(left);
    if (step.kind == Kind::kNothingYet) return {StreamStep::Kind::kNothingYet, {}};
    self.has_ended = step.kind == Kind::kFinished;
    self.put(self.has_ended ? self.parser.finish() : self.parser.push(step.text));
  }
}

Result<ChatResult> ChatStream::result() {
  while (next().kind != StreamStep::Kind::kFinished) {}
  ChatResult& result = impl_->result;
  HB_TRY(impl_->run.tell(result));
  result.tool_calls = impl_->parser.tool_calls();
  for (ReplyChoice& choice : result.choices | std::views::drop(1)) impl_->tell_apart(choice);
  if (!result.choices.empty()) {
    ReplyChoice& first = result.choices.front();
    std::tie(first.text, first.thinking, first.tool_calls) = std::tie(result.content, result.thinking, result.tool_calls);
  }
  return result;
}

struct EngineBackend::Loaded {
  Engine engine;
  bool parse_special;
  std::string system;    // that came with the model
  ChosenReply defaults;  // likewise
  BackendInfo info;
  bool use_template;
  std::optional<bool> enable_thinking;

  PromptOptions prompt_options(std::span<const Tool> tools, const CompletionOptions& options) const {
    return {.tools = tools,
            .enable_thinking = options.thinking ? options.thinking : enable_thinking,
            .system = system,
            .parse_special = parse_special};
  }
  // What is not given is as it came with the model; how long a reply may be is always given, and a beam search draws nothing.
  CompletionOptions with_defaults(CompletionOptions options) const {
    if (!options.beam_search) options.sampling = with_others(std::move(options.sampling), defaults.request.sampling);
    if (options.stop.empty()) options.stop = defaults.request.stop;
    return options;
  }
};

EngineBackend::EngineBackend(std::shared_ptr<Loaded> loaded) : loaded_(std::move(loaded)) {}
EngineBackend::~EngineBackend() = default;

Result<std::unique_ptr<EngineBackend>> EngineBackend::open(const std::string& model, const EngineBackendOptions& options) {
  if (options.name.empty()) return invalid("name: expected text, found an empty string");
  HB_TRY_ASSIGN(found, find_model(model));
  ChosenReply came;
  HB_TRY_ASSIGN(stored, apply_stored_defaults(found.parameters, came));
  EngineOptions engine_options = options.engine;
  if (engine_options.context_tokens == 0) HB_TRY_INTO(engine_options.context_tokens, stored_context(found.path, stored.context_tokens));
  HB_TRY_ASSIGN(engine, Engine::open(found.path, engine_options));
  auto loaded = std::shared_ptr<Loaded>(new Loaded{.engine = std::move(engine),
                                                   .parse_special = options.parse_special,
                                                   .system = std::move(found.system),
                                                   .defaults = std::move(came),
                                                   .use_template = options.use_template,
                                                   .enable_thinking = options.enable_thinking});
  if (options.use_template) {
    HB_TRY(loaded->engine.conversation().check());
    if (!loaded->engine.conversation().has_template()) return unsupported("use_template: {} has no chat template", found.path.string());
  }
  loaded->info = {.name = options.name,
                  .model_id = options.model_id.empty() ? found.name : options.model_id,
                  .extra = {{"path", found.path.string()},
                            {"place", found.place},
                            {"context_tokens", std::to_string(loaded->engine.context_tokens())},
                            {"threads", std::to_string(loaded->engine.threads())}}};
  std::vector<std::string> notes = std::move(found.notes);
  notes.insert(notes.end(), stored.notes.begin(), stored.notes.end());
  if (found.has_foreign_template && !loaded->engine.conversation().has_template())
    notes.emplace_back("its prompt template in Go's language; the model file has no other");
  if (!notes.empty()) loaded->info.extra["not_taken"] = fmt::format("{}", fmt::join(notes, "; "));
  loaded->info.extra.insert(options.extra.begin(), options.extra.end());
  return std::unique_ptr<EngineBackend>(new EngineBackend(std::move(loaded)));
}

BackendInfo EngineBackend::info() const { return loaded_->info; }

bool EngineBackend::supports_tools() const { return loaded_->engine.conversation().takes_tools(); }

Result<std::unique_ptr<CompletionStream>> EngineBackend::start(const std::string& prompt, const CompletionOptions& options) {
  const Stopwatch watch;
  HB_TRY(check_request(prompt, options));
  Request request;
  if (loaded_->use_template) {
    const Message question{"user", prompt};
    HB_TRY_ASSIGN(made, loaded_->engine.conversation().prompt({&question, 1}, loaded_->prompt_options({}, options)));
    request.thinking = std::move(made.thinking);
    request.prompt = std::move(made.tokens);
  } else {
    request.prompt = loaded_->engine.encode(prompt, /*add_special=*/true);
  }
  const std::string template_name = loaded_->use_template ? "model's" : "none";
  HB_TRY_ASSIGN(run, EngineRequest::start({loaded_, &loaded_->engine}, std::move(request), loaded_->with_defaults(options),
                                          {{"template", template_name}}, watch));
  return std::unique_ptr<CompletionStream>(new CompletionStream(std::unique_ptr<CompletionStream::Impl>(
      new CompletionStream::Impl{.run = std::move(run), .result = {.prompt = prompt, .backend = loaded_->info}})));
}

Result<std::unique_ptr<ChatStream>> EngineBackend::start_chat(std::span<const Message> messages, std::span<const Tool> tools,
                                                              const CompletionOptions& options) {
  const Stopwatch watch;
  HB_TRY(check_messages(messages, options));
  if (!tools.empty() && !supports_tools()) {
    HB_TRY(loaded_->engine.conversation().check());
    return unsupported("{} ({}) takes no tools", loaded_->info.name, loaded_->info.model_id);
  }
  const auto prompt_of = [&](std::span<const Message> turns) {
    return loaded_->engine.conversation().prompt(turns, loaded_->prompt_options(tools, options));
  };
  std::vector<Message> turns(messages.begin(), messages.end());
  size_t dropped = 0;
  if (options.overflow == Overflow::kDropTurns) {
    const int context = loaded_->engine.context_tokens();
    HB_TRY_INTO(dropped,
                drop_turns(turns, static_cast<size_t>(context - context / 4), [&](std::span<const Message> left) -> Result<size_t> {
                  HB_TRY_ASSIGN(made, prompt_of(left));
                  return made.tokens.size();
                }));
  }
  HB_TRY_ASSIGN(prompt, prompt_of(turns));
  Request request;
  request.prompt = std::move(prompt.tokens);
  request.thinking = std::move(prompt.thinking);
  request.shows_control_tokens = prompt.shows_control_tokens;
  request.stop = std::move(prompt.stop);
  Facts facts{{"template", "model's"}};
  if (!loaded_->engine.conversation().has_template()) facts = {{"template", "none"}, {"chat_format", "transcript"}};
  if (dropped > 0) facts["dropped_turns"] = std::to_string(dropped);
  HB_TRY_ASSIGN(
      run, EngineRequest::start({loaded_, &loaded_->engine}, std::move(request), loaded_->with_defaults(options), std::move(facts), watch));
  return std::unique_ptr<ChatStream>(new ChatStream(std::unique_ptr<ChatStream::Impl>(
      new ChatStream::Impl{.run = std::move(run),
                           .parser = std::move(prompt.reply),
                           .result = {.messages = {messages.begin(), messages.end()}, .backend = loaded_->info}})));
}

Result<InferenceResult> EngineBackend::complete(const std::string& prompt, const CompletionOptions& options) {
  HB_TRY_ASSIGN(stream, start(prompt, options));
  return whole(*stream, options);
}

Result<InferenceResult> EngineBackend::stream(const std::string& prompt, const CompletionOptions& options, const TextSink& sink) {
  HB_TRY_ASSIGN(stream, start(prompt, options));
  return drive(*stream, sink);
}

Result<ChatResult> EngineBackend::chat(std::span<const Message> messages, std::span<const Tool> tools, const CompletionOptions& options) {
  HB_TRY_ASSIGN(stream, start_chat(messages, tools, options));
  return whole(*stream, options);
}

Result<ChatResult> EngineBackend::stream_chat(std::span<const Message> messages, const CompletionOptions& options, const TextSink& sink) {
  HB_TRY_ASSIGN(stream, start_chat(messages, {}, options));
  return drive(*stream, sink);
}

Result<Embeddings> EngineBackend::embed(std::span<const std::string> texts, std::optional<Pooling> pooling,
                                        const std::vector<AdapterUse>& adapters) {
  HB_TRY(check_texts(texts));
  Embeddings all;
  for (const std::string& text : texts) {
    HB_TRY_ASSIGN(vector,
                  loaded_->engine.embed(loaded_->engine.encode(text, /*add_special=*/true), pooling.value_or(Pooling::kMean), adapters));
    all.push_back(std::move(vector));
  }
  return all;
}

EngineStats EngineBackend::stats() const { return loaded_->engine.stats(); }
const EngineMemory& EngineBackend::memory() const { return loaded_->engine.memory(); }

Result<Engine::LogProbabilities> EngineBackend::log_likelihood(const std::string& prompt, const std::string& continuation) {
  if (prompt.empty()) return invalid("prompt: expected text, found an empty string");
  if (continuation.empty()) return invalid("continuation: expected text, found an empty string");
  Engine& engine = loaded_->engine;
  const size_t last = prompt.find_last_not_of(" \t\r\n");
  const size_t end = last == std::string::npos ? prompt.size() : last + 1;  // nothing but white space stays the prompt
  const std::string before = prompt.substr(0, end), after = prompt.substr(end) + continuation;
  std::vector<Token> first = engine.encode(before, /*add_special=*/true);
  const std::vector<Token> both = engine.encode(before + after, /*add_special=*/true);
  const auto border = static_cast<std::ptrdiff_t>(first.size());
  std::vector<Token> rest =
      both.size() > first.size() ? std::vector(both.begin() + border, both.end()) : engine.encode(after, /*add_special=*/false);
  return engine.log_probabilities(std::move(first), rest);
}

}  // namespace halfbyte
