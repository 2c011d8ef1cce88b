#include "backends/engine_backend.h"

#include "backends/prompt_format.h"
#include "base/errors.h"
#include "engine/reply_stream.h"
#include "store/model_store.h"

namespace halfbyte {
namespace {

using Clock = std::chrono::steady_clock;

std::string_view name_of(FinishReason reason) {
  switch (reason) {
    case FinishReason::kEnd: return "end";
    case FinishReason::kStop: return "stop";
    case FinishReason::kLength: return "length";
    case FinishReason::kCancelled: return "cancelled";
    case FinishReason::kFailed: break;
  }
  return "failed";
}

std::string number_or_null(const auto& number) { return number ? fmt::format("{}", *number) : "null"; }

std::string sampling_text(const CompletionOptions& options, uint64_t seed) {
  return fmt::format(R"({{"temperature": {}, "top_k": {}, "top_p": {}, "seed": {}}})", options.temperature, number_or_null(options.top_k),
                     number_or_null(options.top_p), seed);
}

// The engine checks the ranges that are its own as well.
Result<Request> request_of(std::vector<Token> prompt, const CompletionOptions& options) {
  if (options.max_new_tokens < 1) return invalid("max_new_tokens: {} is less than 1", options.max_new_tokens);
  if (options.top_p && !(*options.top_p > 0 && *options.top_p <= 1)) return invalid("top_p: {} is outside (0, 1]", *options.top_p);
  return Request{
      .prompt = std::move(prompt),
      .max_tokens = options.max_new_tokens,
      .sampling = {.temperature = options.temperature,
                   .top_k = options.top_k.value_or(0),
                   .top_p = options.top_p.value_or(1.0F),
                   .min_p = 0,
                   .seed = options.seed.value_or(0)},
      .stop = options.stop
  };
}

// One request to the engine and what is told about it in the end.
class Run {
 public:
  static Result<Run> start(std::shared_ptr<Engine> engine, std::vector<Token> prompt, const CompletionOptions& options,
                           std::string_view template_name, Clock::time_point asked) {
    HB_TRY_ASSIGN(request, request_of(std::move(prompt), options));
    Run run;
    run.facts_ = {
        {"sampling", sampling_text(options, request.sampling.seed)},
        {"template", std::string(template_name)}
    };
    run.asked_ = asked;
    HB_TRY_ASSIGN(reply, ReplyStream::start(std::move(engine), std::move(request)));
    run.reply_ = std::move(reply);
    return run;
  }

  StreamStep next(std::optional<std::chrono::milliseconds> timeout) {
    using From = ReplyStream::Step::Kind;
    using To = StreamStep::Kind;
    ReplyStream::Step step = reply_->next(timeout);
    if (step.kind == From::kFinished && !ended_) ended_ = Clock::now();
    return {step.kind == From::kText ? To::kText : step.kind == From::kFinished ? To::kFinished : To::kNothingYet, std::move(step.text)};
  }
  void cancel() { reply_->cancel(); }

  // After kFinished: into the fields that every result has, or the error that ended the request.
  template <class R>
  Result<void> tell(R& result) const {
    const Event& last = reply_->last();
    if (last.error) return *last.error;
    result.prompt_tokens = last.usage.prompt_tokens;
    result.completion_tokens = last.usage.completion_tokens;
    result.latency_ms = std::chrono::duration<double, std::milli>(*ended_ - asked_).count();
    result.metadata = facts_;
    result.metadata["finish_reason"] = name_of(*last.finished);
    result.metadata["prompt_ms"] = fmt::format("{:.3f}", last.usage.prompt_ms);
    result.metadata["generation_ms"] = fmt::format("{:.3f}", last.usage.generation_ms);
    return {};
  }

 private:
  Facts facts_;
  Clock::time_point asked_;
  std::optional<Clock::time_point> ended_;
  std::unique_ptr<ReplyStream> reply_;
};

// Reads a stream to its end; what the sink does not want is not read.
template <class Stream>
auto drive(Stream& stream, const TextSink& sink) {
  for (;;) {
    const StreamStep step = stream.next();
    if (step.kind == StreamStep::Kind::kFinished) return stream.result();
    if (step.kind == StreamStep::Kind::kText && !sink(step.text)) stream.cancel();
  }
}

}  // namespace

struct CompletionStream::Impl {
  Run run;
  InferenceResult result;
};

CompletionStream::CompletionStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CompletionStream::~CompletionStream() = default;
void CompletionStream::cancel() { impl_->run.cancel(); }

StreamStep CompletionStream::next(std::optional<std::chrono::milliseconds> timeout) {
  StreamStep step = impl_->run.next(timeout);
  impl_->result.completion += step.text;
  return step;
}

Result<InferenceResult> CompletionStream::result() {
  while (next().kind != StreamStep::Kind::kFinished) {}
  HB_TRY(impl_->run.tell(impl_->result));
  return impl_->result;
}

struct ChatStream::Impl {
  Run run;
  ChatResult result;
};

ChatStream::ChatStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ChatStream::~ChatStream() = default;
void ChatStream::cancel() { impl_->run.cancel(); }

StreamStep ChatStream::next(std::optional<std::chrono::milliseconds> timeout) {
  StreamStep step = impl_->run.next(timeout);
  impl_->result.content += step.text;
  return step;
}

Result<ChatResult> ChatStream::result() {
  while (next().kind != StreamStep::Kind::kFinished) {}
  HB_TRY(impl_->run.tell(impl_->result));
  return impl_->result;
}

struct EngineBackend::Loaded {
  Engine engine;
  Result<PromptFormat> format = PromptFormat::of(engine, /*raw=*/false);  // refers to engine; an error when the template is broken
  BackendInfo info;
  bool use_template;
};

EngineBackend::EngineBackend(std::shared_ptr<Loaded> loaded) : loaded_(std::move(loaded)) {}
EngineBackend::~EngineBackend() = default;

Result<std::unique_ptr<EngineBackend>> EngineBackend::open(const std::string& model, const EngineBackendOptions& options) {
  if (options.name.empty()) return invalid("name: empty");
  HB_TRY_ASSIGN(found, find_model(model));
  HB_TRY_ASSIGN(engine, Engine::open(found.path, options.engine));
  auto loaded = std::shared_ptr<Loaded>(new Loaded{.engine = std::move(engine), .use_template = options.use_template});
  if (options.use_template) {
    if (!loaded->format) return loaded->format.error();
    if (!loaded->format->has_template()) return unsupported("use_template: {} has no chat template", found.path.string());
  }
  loaded->info = {
      .name = options.name,
      .model_id = options.model_id.empty() ? found.name : options.model_id,
      .extra = {{"path", found.path.string()},
                {"place", found.place},
                {"context_tokens", std::to_string(loaded->engine.context_tokens())},
                {"threads", std::to_string(loaded->engine.threads())}}
  };
  loaded->info.extra.insert(options.extra.begin(), options.extra.end());
  return std::unique_ptr<EngineBackend>(new EngineBackend(std::move(loaded)));
}

BackendInfo EngineBackend::info() const { return loaded_->info; }

Result<std::unique_ptr<CompletionStream>> EngineBackend::start(const std::string& prompt, const CompletionOptions& options) {
  const auto asked = Clock::now();
  if (prompt.empty()) return invalid("prompt: empty");
  std::vector<Token> tokens;
  if (loaded_->use_template) {
    const Message question{"user", prompt};
    HB_TRY_ASSIGN(templated, loaded_->format->tokens({&question, 1}));
    tokens = std::move(templated);
  } else {
    tokens = loaded_->engine.encode(prompt, /*add_special=*/true);
  }
  const std::string_view template_name = loaded_->use_template ? "model's" : "none";
  HB_TRY_ASSIGN(run, Run::start({loaded_, &loaded_->engine}, std::move(tokens), options, template_name, asked));
  return std::unique_ptr<CompletionStream>(new CompletionStream(std::make_unique<CompletionStream::Impl>(CompletionStream::Impl{
      std::move(run), {.prompt = prompt, .backend = loaded_->info}
  })));
}

Result<std::unique_ptr<ChatStream>> EngineBackend::start_chat(std::span<const Message> messages, std::span<const Tool> tools,
                                                              const CompletionOptions& options) {
  const auto asked = Clock::now();
  if (messages.empty()) return invalid("messages: expected at least one, found none");
  if (!tools.empty()) return unsupported("{} ({}) takes no tools", loaded_->info.name, loaded_->info.model_id);
  if (!loaded_->format) return loaded_->format.error();
  if (!loaded_->format->has_template()) return unsupported("{} ({}) has no chat template", loaded_->info.name, loaded_->info.model_id);
  std::vector<Message> turns;
  for (const Message& message : messages) turns.push_back({message.role, message.content});
  HB_TRY_ASSIGN(tokens, loaded_->format->tokens(turns));
  HB_TRY_ASSIGN(run, Run::start({loaded_, &loaded_->engine}, std::move(tokens), options, "model's", asked));
  return std::unique_ptr<ChatStream>(new ChatStream(std::make_unique<ChatStream::Impl>(ChatStream::Impl{
      std::move(run), {.messages = {messages.begin(), messages.end()}, .backend = loaded_->info}
  })));
}

Result<InferenceResult> EngineBackend::complete(const std::string& prompt, const CompletionOptions& options) {
  HB_TRY_ASSIGN(stream, start(prompt, options));
  return stream->result();
}

Result<InferenceResult> EngineBackend::stream(const std::string& prompt, const CompletionOptions& options, const TextSink& sink) {
  HB_TRY_ASSIGN(stream, start(prompt, options));
  return drive(*stream, sink);
}

Result<ChatResult> EngineBackend::chat(std::span<const Message> messages, std::span<const Tool> tools, const CompletionOptions& options) {
  HB_TRY_ASSIGN(stream, start_chat(messages, tools, options));
  return stream->result();
}

Result<ChatResult> EngineBackend::stream_chat(std::span<const Message> messages, const CompletionOptions& options, const TextSink& sink) {
  HB_TRY_ASSIGN(stream, start_chat(messages, {}, options));
  return drive(*stream, sink);
}

}  // namespace halfbyte
