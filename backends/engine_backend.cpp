#include "backends/engine_backend.h"

#include <atomic>
#include <deque>
#include <ranges>
#include <tuple>

#include "backends/checks.h"
#include "backends/engine_request.h"
#include "backends/prompt_format.h"
#include "backends/transcript.h"
#include "base/errors.h"
#include "store/model_store.h"
#include "text/message_parts.h"
#include "text/reply_parser.h"

namespace halfbyte {
namespace {

using Clock = std::chrono::steady_clock;
using Timeout = std::optional<std::chrono::milliseconds>;

constexpr std::string_view kBlank = " \t\r\n";

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
  bool starts_at_text;                // of a transcript: white space before the content is none of it
  bool drops_space = starts_at_text;  // not yet there
  std::deque<StreamStep> steps{};     // read and not yet given
  bool has_ended = false;
  std::atomic<bool> is_cancelled = false;

  void put(StreamStep::Kind kind, std::string text) {
    if (drops_space && kind == StreamStep::Kind::kText) {
      text.erase(0, text.find_first_not_of(kBlank));
      drops_space = text.empty();
    }
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
    if (starts_at_text) choice.text.erase(0, choice.text.find_first_not_of(kBlank));
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
  Result<PromptFormat> format =
      PromptFormat::of(engine, /*raw=*/false, parse_special);  // refers to engine; an error when the template is broken
  BackendInfo info;
  bool use_template;
  std::optional<bool> enable_thinking;

  bool has_template() const { return format && format->has_template(); }
  std::optional<bool> thinks(const CompletionOptions& options) const { return options.thinking ? options.thinking : enable_thinking; }
};

EngineBackend::EngineBackend(std::shared_ptr<Loaded> loaded) : loaded_(std::move(loaded)) {}
EngineBackend::~EngineBackend() = default;

Result<std::unique_ptr<EngineBackend>> EngineBackend::open(const std::string& model, const EngineBackendOptions& options) {
  if (options.name.empty()) return invalid("name: expected text, found an empty string");
  HB_TRY_ASSIGN(found, find_model(model));
  HB_TRY_ASSIGN(engine, Engine::open(found.path, options.engine));
  auto loaded = std::shared_ptr<Loaded>(new Loaded{.engine = std::move(engine),
                                                   .parse_special = options.parse_special,
                                                   .use_template = options.use_template,
                                                   .enable_thinking = options.enable_thinking});
  if (options.use_template) {
    if (!loaded->format) return loaded->format.error();
    if (!loaded->has_template()) return unsupported("use_template: {} has no chat template", found.path.string());
  }
  loaded->info = {.name = options.name,
                  .model_id = options.model_id.empty() ? found.name : options.model_id,
                  .extra = {{"path", found.path.string()},
                            {"place", found.place},
                            {"context_tokens", std::to_string(loaded->engine.context_tokens())},
                            {"threads", std::to_string(loaded->engine.threads())}}};
  if (!found.notes.empty()) loaded->info.extra["not_taken"] = fmt::format("{}", fmt::join(found.notes, "; "));
  loaded->info.extra.insert(options.extra.begin(), options.extra.end());
  return std::unique_ptr<EngineBackend>(new EngineBackend(std::move(loaded)));
}

BackendInfo EngineBackend::info() const { return loaded_->info; }

bool EngineBackend::supports_tools() const {
  if (!loaded_->has_template()) return false;
  return !loaded_->engine.tool_template().empty() || loaded_->engine.chat_template().find("tools") != std::string::npos;
}

Result<std::unique_ptr<CompletionStream>> EngineBackend::start(const std::string& prompt, const CompletionOptions& options) {
  const Stopwatch watch;
  HB_TRY(check_request(prompt, options));
  Request request;
  if (loaded_->use_template) {
    const Message question{"user", prompt};
    HB_TRY_ASSIGN(made, loaded_->format->prompt({&question, 1}, {}, loaded_->thinks(options)));
    request.thinking = loaded_->format->thinking_markers(made);
    request.prompt = std::move(made.tokens);
  } else {
    request.prompt = loaded_->engine.encode(prompt, /*add_special=*/true);
  }
  const std::string template_name = loaded_->use_template ? "model's" : "none";
  HB_TRY_ASSIGN(run, EngineRequest::start({loaded_, &loaded_->engine}, std::move(request), options, {{"template", template_name}}, watch));
  return std::unique_ptr<CompletionStream>(new CompletionStream(std::unique_ptr<CompletionStream::Impl>(
      new CompletionStream::Impl{.run = std::move(run), .result = {.prompt = prompt, .backend = loaded_->info}})));
}

Result<std::unique_ptr<ChatStream>> EngineBackend::start_chat(std::span<const Message> messages, std::span<const Tool> tools,
                                                              const CompletionOptions& options) {
  const Stopwatch watch;
  HB_TRY(check_messages(messages, options));
  HB_TRY_ASSIGN(turns, with_content(messages));
  if (!loaded_->format) return loaded_->format.error();
  if (!tools.empty() && !supports_tools()) return unsupported("{} ({}) takes no tools", loaded_->info.name, loaded_->info.model_id);
  const std::string& source = loaded_->format->source(!tools.empty());
  std::string prompt;
  Request request;
  Facts facts;
  if (loaded_->has_template()) {
    HB_TRY_ASSIGN(made, loaded_->format->prompt(turns, tools, loaded_->thinks(options)));
    request.thinking = loaded_->format->thinking_markers(made, !tools.empty());
    prompt = std::move(made.text);
    request.prompt = std::move(made.tokens);
    request.shows_control_tokens = ReplyParser::expects_markers(source, tools);
    facts = {{"template", "model's"}};
  } else {
    prompt = transcript(turns);
    request.stop = {std::string(kNextTurn)};
    facts = {{"template", "none"}, {"chat_format", "transcript"}};
    request.prompt = loaded_->format->encode(prompt);
  }
  HB_TRY_ASSIGN(run, EngineRequest::start({loaded_, &loaded_->engine}, std::move(request), options, std::move(facts), watch));
  size_t calls = 0;
  for (const Message& message : messages) calls += message.tool_calls.size();
  ReplyParser parser(source, tools, prompt);
  parser.number_calls_from(calls + 1);
  return std::unique_ptr<ChatStream>(new ChatStream(std::unique_ptr<ChatStream::Impl>(
      new ChatStream::Impl{.run = std::move(run),
                           .parser = std::move(parser),
                           .result = {.messages = {messages.begin(), messages.end()}, .backend = loaded_->info},
                           .starts_at_text = !loaded_->has_template()})));
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
