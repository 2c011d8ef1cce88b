#include "python/core/engine.h"

#include <nanobind/stl/vector.h>

#include <chrono>

#include "python/core/errors.h"
#include "python/core/text.h"

namespace halfbyte::python {
namespace {

namespace nb = nanobind;

// How long Ctrl-C goes unseen when no token comes; a signal handler cannot wake a condition variable.
constexpr std::chrono::milliseconds kSignalPoll{20};

nb::object or_none(std::optional<int> count) { return count ? nb::object(nb::int_(*count)) : nb::none(); }

Dict dict_of(const Facts& facts) {
  Dict out;
  for (const auto& [name, fact] : facts) out[text(name)] = text(fact);
  return out;
}

// (bytes, id, log-probability, [the same of the likeliest]).
nb::list list_of(const std::vector<ScoredToken>& tokens) {
  nb::list all;
  for (const ScoredToken& token : tokens)
    all.append(nb::make_tuple(nb::bytes(token.text.data(), token.text.size()), or_none(token.id), token.log_probability,
                              list_of(token.likeliest)));
  return all;
}

nb::list list_of(const std::vector<ToolCall>& calls) {
  nb::list all;
  for (const ToolCall& call : calls) all.append(nb::make_tuple(text(call.name), text(call.arguments), text(call.call_id)));
  return all;
}

nb::object or_none(const std::optional<std::string>& thinking) { return thinking ? nb::object(text(*thinking)) : nb::none(); }

Dict dict_of(const ReplyChoice& choice) {
  Dict out;
  out["text"] = text(choice.text);
  out["thinking"] = or_none(choice.thinking);
  out["tool_calls"] = list_of(choice.tool_calls);
  out["finish_reason"] = text(choice.finish_reason);
  out["tokens"] = list_of(choice.tokens);
  return out;
}

// What both kinds of result have.
Dict told(const auto& result) {
  Dict out;
  out["prompt_tokens"] = or_none(result.prompt_tokens);
  out["completion_tokens"] = or_none(result.completion_tokens);
  out["latency_ms"] = result.latency_ms;
  out["metadata"] = dict_of(result.metadata);
  out["tokens"] = list_of(result.tokens);
  out["prompt_logprobs"] = list_of(result.prompt_logprobs);
  nb::list choices;
  for (const ReplyChoice& choice : result.choices) choices.append(dict_of(choice));
  out["choices"] = choices;
  return out;
}

Dict dict_of(const InferenceResult& result) {
  Dict out = told(result);
  out["completion"] = text(result.completion);
  return out;
}

Dict dict_of(const ChatResult& result) {
  Dict out = told(result);
  out["content"] = text(result.content);
  out["thinking"] = or_none(result.thinking);
  out["tool_calls"] = list_of(result.tool_calls);
  return out;
}

}  // namespace

std::vector<AdapterUse> adapters_of(const NamedScales& asked) {
  std::vector<AdapterUse> uses;
  for (const auto& [name, scale] : asked) uses.push_back({name, scale});
  return uses;
}

// A stream has one reader.
template <class Stream>
class HeldStream<Stream>::Reading {
 public:
  explicit Reading(HeldStream& stream) : stream_(stream) {
    if (stream_.is_reading_) raise({Code::kInvalid, "another thread is reading this stream"});
    stream_.is_reading_ = true;
  }
  ~Reading() { stream_.is_reading_ = false; }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

 private:
  HeldStream& stream_;
};

template <class Stream>
HeldStream<Stream>::HeldStream(std::shared_ptr<EngineBackend> engine, std::unique_ptr<Stream> stream)
    : Held(engine.get()), engine_(std::move(engine)), stream_(std::move(stream)) {}

template <class Stream>
HeldStream<Stream>::~HeldStream() {
  if (is_inherited()) {  // its threads are the parent's: nobody to stop, and locks that nobody opens
    new auto(std::move(engine_));
    new auto(std::move(stream_));
    return;
  }
  close();
}

template <class Stream>
std::shared_ptr<Stream> HeldStream<Stream>::checked() const {
  check("stream");
  if (!stream_) raise_closed();
  return stream_;
}

// The next step that says something.
template <class Stream>
StreamStep HeldStream<Stream>::step(const std::shared_ptr<Stream>& stream) {
  for (;;) {
    StreamStep step;
    {
      const WithoutGil without_gil;
      step = stream->next(kSignalPoll);
    }
    checked();  // whoever closed it meanwhile waits for no reader
    if (PyErr_CheckSignals() != 0) {
      stream->cancel();
      throw nb::python_error();
    }
    if (step.kind != StreamStep::Kind::kNothingYet) return step;
  }
}

template <class Stream>
std::optional<nb::str> HeldStream<Stream>::next() {
  const Reading reading(*this);
  const std::shared_ptr<Stream> stream = checked();
  for (;;) {
    const StreamStep now = step(stream);
    if (now.kind == StreamStep::Kind::kFinished) return std::nullopt;
    if (now.kind == StreamStep::Kind::kText) return text(now.text);
  }
}

template <class Stream>
Dict HeldStream<Stream>::result() {
  const Reading reading(*this);
  const std::shared_ptr<Stream> stream = checked();
  while (step(stream).kind != StreamStep::Kind::kFinished) {}
  return dict_of(take(stream->result()));
}

template <class Stream>
void HeldStream<Stream>::cancel() {
  if (stream_ && !is_inherited()) stream_->cancel();
}

// Whatever is let go lets other threads run, and one of them may destroy this: nothing of it is touched from there on.
template <class Stream>
void HeldStream<Stream>::close() {
  auto stream = std::move(stream_);
  auto engine = std::move(engine_);
  if (stream) stream->cancel();
  let_go(stream);
  let_go(engine);
}

template class HeldStream<CompletionStream>;
template class HeldStream<ChatStream>;

HeldEngine::HeldEngine(const std::string& model, EngineBackendOptions options) : Held(nullptr) {
  auto opened = [&] {
    const WithoutGil without_gil;
    return EngineBackend::open(model, options);
  }();
  check("engine");
  engine_ = take(std::move(opened));
}

HeldEngine::~HeldEngine() {
  if (is_inherited())
    new auto(std::move(engine_));
  else
    let_go(engine_);  // streams that are still held go on
}

std::shared_ptr<EngineBackend> HeldEngine::checked() const {
  check("engine");
  if (!engine_) raise_closed();
  return engine_;
}

Dict HeldEngine::info() const {
  const BackendInfo told = checked()->info();
  Dict out;
  out["name"] = text(told.name);
  out["model_id"] = text(told.model_id);
  out["extra"] = dict_of(told.extra);
  return out;
}

std::unique_ptr<HeldStream<CompletionStream>> HeldEngine::start(const std::string& prompt, const CompletionOptions& options) {
  const std::shared_ptr<EngineBackend> engine = checked();
  auto started = [&] {
    const WithoutGil without_gil;
    return engine->start(prompt, options);
  }();
  checked();  // it may have been closed meanwhile
  return std::make_unique<HeldStream<CompletionStream>>(engine, take(std::move(started)));
}

std::unique_ptr<HeldStream<ChatStream>> HeldEngine::start_chat(const std::vector<Message>& messages, const std::vector<Tool>& tools,
                                                               const CompletionOptions& options) {
  const std::shared_ptr<EngineBackend> engine = checked();
  auto started = [&] {
    const WithoutGil without_gil;
    return engine->start_chat(messages, tools, options);
  }();
  checked();
  return std::make_unique<HeldStream<ChatStream>>(engine, take(std::move(started)));
}

bool HeldEngine::supports_tools() const { return checked()->supports_tools(); }

std::pair<std::vector<double>, std::string> HeldEngine::log_likelihood(const std::string& prompt, const std::string& continuation) const {
  const std::shared_ptr<EngineBackend> engine = checked();
  auto scored = [&] {
    const WithoutGil without_gil;
    return engine->log_likelihood(prompt, continuation);
  }();
  auto [values, warning] = take(std::move(scored));
  return {std::move(values), std::move(warning)};
}

std::vector<std::vector<double>> HeldEngine::embed(const std::vector<std::string>& texts, const std::string& pooling,
                                                   const NamedScales& adapters) const {
  const std::shared_ptr<EngineBackend> engine = checked();
  const Pooling kind = pooling == "last" ? Pooling::kLast : pooling == "first" ? Pooling::kFirst : Pooling::kMean;
  auto made = [&] {
    const WithoutGil without_gil;
    return engine->embed(texts, kind, adapters_of(adapters));
  }();
  std::vector<std::vector<double>> vectors;
  for (const std::vector<float>& vector : take(std::move(made))) vectors.emplace_back(vector.begin(), vector.end());
  return vectors;
}

Dict HeldEngine::stats() const {
  const EngineStats stats = checked()->stats();
  Dict out;
  const std::pair<const char*, uint64_t> counts[] = {{"steps", stats.steps},
                                                     {"tokens", stats.tokens},
                                                     {"prompt_tokens", stats.prompt_tokens},
                                                     {"cached_tokens", stats.cached_tokens},
                                                     {"generated_tokens", stats.generated_tokens},
                                                     {"drafted_tokens", stats.drafted_tokens},
                                                     {"accepted_tokens", stats.accepted_tokens},
                                                     {"preemptions", stats.preemptions},
                                                     {"requests", stats.requests},
                                                     {"failed", stats.failed},
                                                     {"refused", stats.refused}};
  for (const auto& [name, count] : counts) out[name] = count;
  const std::pair<const char*, int> now[] = {
      {"running", stats.running}, {"waiting", stats.waiting}, {"pages", stats.pages}, {"free_pages", stats.free_pages}};
  for (const auto& [name, count] : now) out[name] = count;
  const std::pair<const char*, const DurationHistogram&> histograms[] = {{"queue", stats.queue},
                                                                         {"first_token", stats.first_token},
                                                                         {"inter_token", stats.inter_token},
                                                                         {"request", stats.request},
                                                                         {"step", stats.step}};
  for (const auto& [name, histogram] : histograms) {
    Dict told;
    told["bounds_s"] = nb::cast(std::vector<double>(DurationHistogram::kBounds.begin(), DurationHistogram::kBounds.end()));
    told["counts"] = nb::cast(std::vector<uint64_t>(histogram.counts.begin(), histogram.counts.end()));
    told["sum_s"] = histogram.sum;
    out[name] = told;
  }
  return out;
}

Dict HeldEngine::memory() const {
  const EngineMemory memory = checked()->memory();
  Dict out;
  out["weights"] = memory.weights;
  out["workspace"] = memory.workspace;
  out["cache"] = memory.cache;
  out["cache_tokens"] = memory.cache_tokens;
  return out;
}

// Closed first, and then what it answers: other threads run meanwhile, and none of them may start a stream that nobody closes.
void HeldEngine::close() {
  if (!engine_ || is_inherited()) return;
  auto engine = std::move(engine_);
  close_owned(engine.get());
  let_go(engine);
}

}  // namespace halfbyte::python
