// The engine's thread and its doors. The thread owns the core; everybody else leaves messages in the inbox.
#include "halfbyte/engine.h"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <future>
#include <iterator>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

#include "base/errors.h"
#include "base/machine_facts.h"
#include "engine/adapters.h"
#include "engine/best_of.h"
#include "engine/core.h"
#include "engine/identity.h"
#include "engine/memory_plan.h"
#include "engine/request_checks.h"
#include "grammar/grammars.h"

namespace halfbyte {
namespace {

constexpr int kDefaultContext = 4096;

// A door: no exception leaves it.
template <class Work>
auto or_out_of_memory(const Work& work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  } catch (const std::system_error& refused) {
    return io_error("cannot start a thread: {}", refused.code().message());
  }
}

}  // namespace

struct Engine::Impl {
  // Behind pointers: the core refers to pool and model, and must not see them move.
  std::unique_ptr<ThreadPool> pool;
  std::unique_ptr<const Model> model;
  Adapters adapters;
  int context_tokens;
  int queue;  // most unfinished requests
  EngineMemory memory;
  const World& world;
  Grammars grammars;
  EngineCore core;            // the engine thread's, and this:
  std::string identity_text;  // empty: not yet asked for, as it takes reading all weights
  ActivationMode activations;

  // Written by callers under the mutex, taken by the engine thread between steps.
  std::mutex mutex;
  std::condition_variable inbox_filled;
  std::vector<EngineCore::Message> inbox;
  int unfinished = 0;    // submitted and not yet ended
  uint64_t refused = 0;  // because of that many
  bool is_stopping = false;
  RequestId last_id = 0;
  std::thread thread;

  Impl(std::unique_ptr<ThreadPool> threads, std::unique_ptr<const Model> loaded, Adapters opened, int context, int most,
       const EngineMemory& planned, Runner runner, const CoreLimits& limits, const World& outside, std::unique_ptr<DraftModel> draft_model,
       std::optional<PrefixStore> prefixes, ActivationMode activation_mode)
      : pool(std::move(threads)),
        model(std::move(loaded)),
        adapters(std::move(opened)),
        context_tokens(context),
        queue(most),
        memory(planned),
        world(outside),
        grammars(*model->tokenizer),
        core(*model, std::move(runner), limits, outside, std::move(draft_model), std::move(prefixes)),
        activations(activation_mode) {
    thread = std::thread([this] { loop(); });
  }
  ~Impl() {
    {
      const std::lock_guard lock(mutex);
      is_stopping = true;
    }
    inbox_filled.notify_one();
    thread.join();
  }

  static Result<std::unique_ptr<Impl>> open(const std::filesystem::path& path, const EngineOptions& options, const World& world);
  Result<void> check(std::string_view name, std::span<const Token> tokens) const {
    return check_tokens(name, tokens, model->formula->dims().vocabulary);
  }
  Result<std::vector<std::unique_ptr<Constraint>>> constraints_of(const Request& request);
  Result<RequestId> enqueue(Request request, TokenSink sink, std::vector<std::unique_ptr<Constraint>> constraints,
                            std::span<const Token> continuation = {}, const Given& given = {});
  Result<std::string> take_given(Request request, std::span<const Token> continuation, const Given& given);
  void send(EngineCore::Message message);
  Result<int> between_steps(const std::function<Result<int>()>& work);
  const std::string& identity();
  void loop();
};

void Engine::Impl::loop() {
  for (bool is_last = false; !is_last;) {
    std::vector<EngineCore::Message> messages;
    {
      std::unique_lock lock(mutex);
      const auto has_news = [&] { return is_stopping || !inbox.empty(); };
      if (core.is_idle()) {
        if (const auto deadline = core.next_deadline())
          inbox_filled.wait_until(lock, *deadline, has_news);
        else
          inbox_filled.wait(lock, has_news);
      }
      messages.swap(inbox);
      is_last = is_stopping;
    }
    const int ended = is_last ? core.close(std::move(messages)) : core.turn(std::move(messages));
    if (ended == 0) continue;
    const std::lock_guard lock(mutex);
    unfinished -= ended;
  }
}

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

Result<Engine> Engine::open(const std::filesystem::path& path, const EngineOptions& options) { return open(path, options, this_machine()); }

Result<Engine> Engine::open(const std::filesystem::path& path, const EngineOptions& options, const World& world) {
  return or_out_of_memory([&]() -> Result<Engine> {
    HB_TRY_ASSIGN(impl, Impl::open(path, options, world));
    return Engine(std::move(impl));
  });
}

Result<std::unique_ptr<Engine::Impl>> Engine::Impl::open(const std::filesystem::path& path, const EngineOptions& options,
                                                         const World& world) {
  HB_TRY_ASSIGN(isa, options.isa.empty() ? choose_isa() : parse_isa(options.isa));
  HB_TRY(find_kv_type("kv_types.k", options.kv_types.k));
  HB_TRY(find_kv_type("kv_types.v", options.kv_types.v));
  const int threads = options.threads > 0 ? options.threads : processors_available();
  auto pool = std::make_unique<ThreadPool>(threads);
  if (!(options.memory_utilization > 0 && options.memory_utilization <= 1))
    return invalid("memory_utilization: {} is outside 0 to 1", options.memory_utilization);
  const std::optional<uint64_t> available = world.available_memory();
  const uint64_t usable = usable_memory(available, options.memory_utilization);
  HB_TRY_ASSIGN(loaded, load_model(path, *pool, world, usable));
  HB_TRY_ASSIGN(adapters, Adapters::open(options.adapters, loaded, world, loaded.warnings));
  auto model = std::make_unique<const Model>(std::move(loaded));
  const int most = model->formula->dims().context;
  if (options.context_tokens > most)
    return too_long("context of {} tokens: {} was made for at most {}", options.context_tokens, model->path, most);
  if (options.queue < 1) return invalid("queue: {} is less than 1", options.queue);
  if (!(options.latency_target_ms >= 0)) return invalid("latency_target_ms: {} is less than 0", options.latency_target_ms);
  if (options.chunk_tokens < 1) return invalid("chunk_tokens: {} is less than 1", options.chunk_tokens);
  const int context = options.context_tokens > 0 ? options.context_tokens : std::min(most, kDefaultContext);
  const int chunk = std::min(options.chunk_tokens, context);
  RunnerOptions of_runner{.chunk_tokens = chunk,
                          .kv_types = options.kv_types,
                          .activations = options.activations,
                          .isa = isa,
                          .trace = options.trace,
                          .adapter_rank = adapters.rank()};
  HB_TRY_ASSIGN(program, Runner::compile(*model, *pool, of_runner));
  MemoryFacts facts{.available = available,
                    .weights = model->weights.bytes() + adapters.bytes(),
                    .workspace = program.workspace_bytes(),
                    .page_bytes = program.layout().page_bytes(),
                    .context = context};
  of_runner.adapter_rank = 0;               // the draft model has none
  std::optional<DraftModel::Loaded> draft;  // has a cache of as many positions
  if (!options.draft_model.empty()) {
    const uint64_t left = usable - std::min(usable, facts.weights);
    HB_TRY_INTO(draft, DraftModel::load(options.draft_model, *model->tokenizer, *pool, of_runner, world, left));
    facts.weights += draft->weights();
    facts.workspace += draft->program.workspace_bytes();
    facts.page_bytes += draft->program.layout().page_bytes();
  }
  HB_TRY_ASSIGN(memory, plan_memory(facts, options));
  of_runner.cache_tokens = memory.cache_tokens;
  HB_TRY_ASSIGN(runner, Runner::create(std::move(program), *pool, of_runner, world));
  std::unique_ptr<DraftModel> draft_model;
  if (draft) HB_TRY_INTO(draft_model, DraftModel::create(std::move(*draft), *pool, of_runner, world));
  std::optional<PrefixStore> prefixes;
  if (!options.prefix_cache_folder.empty()) {
    if (!options.prefix_cache) return invalid("prefix_cache_folder: given, and prefix_cache is off");
    HB_TRY_INTO(prefixes,
                PrefixStore::open(options.prefix_cache_folder, identity_of(*model, runner.program().layout(), options.activations, *pool),
                                  options.prefix_cache_bytes, world));
  }
  CoreLimits limits{.step_tokens = chunk, .speculates = options.speculates, .prefix_cache = options.prefix_cache};
  if (options.latency_target_ms > 0) limits.latency_target_ms = options.latency_target_ms;
  return std::make_unique<Impl>(std::move(pool), std::move(model), std::move(adapters), context, options.queue, memory, std::move(runner),
                                limits, world, std::move(draft_model), std::move(prefixes), options.activations);
}

// One for each choice; none: the replies are free. On the caller's thread: what compiling takes holds up nobody else.
Result<std::vector<std::unique_ptr<Constraint>>> Engine::Impl::constraints_of(const Request& request) {
  std::vector<std::unique_ptr<Constraint>> constraints;
  if (!request.grammar) return constraints;
  HB_TRY_ASSIGN(grammar, grammars.compile(*request.grammar));
  for (int choice = 0; choice < request.choices; ++choice) {
    HB_TRY_ASSIGN(constraint, Constraint::begin(*grammar, *model->tokenizer, request.thinking, request.forced_prefix));
    constraints.push_back(std::move(constraint));
  }
  return constraints;
}

// `continuation`: follows the prompt and is to be scored.
Result<RequestId> Engine::Impl::enqueue(Request request, TokenSink events, std::vector<std::unique_ptr<Constraint>> constraints,
                                        std::span<const Token> continuation, const Given& given) {
  HB_TRY_ASSIGN(adapted, adapters.find(request.adapters));
  const std::lock_guard lock(mutex);
  const RequestId id = last_id + 1;
  auto sequences = sequences_of(request, id, events, *model->tokenizer, context_tokens, std::move(constraints), adapted);
  const auto count = static_cast<int>(sequences.size());
  if (unfinished + count > queue) {
    ++refused;
    return busy("queue: {} requests are unfinished", unfinished);
  }
  std::vector<EngineCore::Message> messages;
  for (auto& sequence : sequences) {
    sequence->tokens.insert(sequence->tokens.end(), continuation.begin(), continuation.end());
    sequence->given = given;
    sequence->submitted = world.now();
    if (request.timeout_ms > 0)
      sequence->deadline = sequence->submitted + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                                     std::chrono::duration<double, std::milli>(request.timeout_ms));
    messages.push_back({EngineCore::Message::Kind::kSubmit, sequence->id, std::move(sequence)});
  }
  inbox.reserve(inbox.size() + messages.size());
  std::ranges::move(messages, std::back_inserter(inbox));
  unfinished += count;
  last_id += static_cast<uint64_t>(count);
  inbox_filled.notify_one();
  return id;
}

Result<RequestId> Engine::submit(Request request, TokenSink sink) {
  return or_out_of_memory([&]() -> Result<RequestId> {
    HB_TRY(check_request(request, *impl_->model->tokenizer, vocabulary(), context_tokens()));
    if (request.best_of.value_or(0) > request.choices) sink = best_of(request, std::move(sink));
    HB_TRY_ASSIGN(constraints, impl_->constraints_of(request));
    return impl_->enqueue(std::move(request), std::move(sink), std::move(constraints));
  });
}

Result<Engine::LogProbabilities> Engine::log_probabilities(std::vector<Token> prompt, const std::vector<Token>& continuation,
                                                           std::vector<AdapterUse> adapters) {
  return or_out_of_memory([&]() -> Result<LogProbabilities> {
    HB_TRY(impl_->check("prompt", prompt));
    HB_TRY(impl_->check("continuation", continuation));
    if (prompt.size() + continuation.size() > static_cast<size_t>(context_tokens()))
      return too_long("prompt of {} tokens and continuation of {} pass the context of {}", prompt.size(), continuation.size(),
                      context_tokens());
    std::vector<double> scores(continuation.size());
    HB_TRY_ASSIGN(warning,
                  impl_->take_given({.prompt = std::move(prompt), .adapters = std::move(adapters)}, continuation, Scoring{&scores}));
    return LogProbabilities{std::move(scores), std::move(warning)};
  });
}

Result<std::vector<float>> Engine::embed(std::vector<Token> tokens, Pooling pooling, std::vector<AdapterUse> adapters) {
  return or_out_of_memory([&]() -> Result<std::vector<float>> {
    HB_TRY(impl_->check("tokens", tokens));
    if (tokens.size() > static_cast<size_t>(context_tokens()))
      return too_long("{} tokens pass the context of {}", tokens.size(), context_tokens());
    std::vector<double> sum;
    HB_TRY(impl_->take_given({.prompt = std::move(tokens), .adapters = std::move(adapters)}, {}, Embedding{pooling, &sum}));
    double square = 0;
    for (const double x : sum) square += x * x;
    const double scale = square > 0 ? 1 / std::sqrt(square) : 0;
    std::vector<float> out;
    for (const double x : sum) out.push_back(static_cast<float>(x * scale));
    return out;
  });
}

// Waits until the engine has taken what is asked of given tokens. Returns the last event's warning.
Result<std::string> Engine::Impl::take_given(Request request, std::span<const Token> continuation, const Given& given) {
  std::promise<Event> last;
  request.max_tokens = 0;
  HB_TRY(enqueue(
      std::move(request),
      [&](const Event& event) {
        if (event.finished) last.set_value(event);
        return SinkAnswer::kMore;
      },
      {}, continuation, given));
  const Event event = last.get_future().get();
  if (event.error) return *event.error;
  if (event.finished == FinishReason::kCancelled) return busy("the engine closed before it was done");
  return event.warning;
}

void Engine::Impl::send(EngineCore::Message message) {
  const std::lock_guard lock(mutex);
  inbox.push_back(std::move(message));
  inbox_filled.notify_one();
}

void Engine::cancel(RequestId id) { impl_->send({EngineCore::Message::Kind::kCancel, id, nullptr, {}}); }
void Engine::resume(RequestId id) { impl_->send({EngineCore::Message::Kind::kResume, id, nullptr, {}}); }

// Waits until the engine's thread has done it.
Result<int> Engine::Impl::between_steps(const std::function<Result<int>()>& work) {
  return or_out_of_memory([&]() -> Result<int> {
    std::promise<Result<int>> done;
    send({EngineCore::Message::Kind::kCall, 0, nullptr, [&] { done.set_value(or_out_of_memory(work)); }});
    return done.get_future().get();
  });
}

const std::string& Engine::Impl::identity() {
  if (identity_text.empty()) identity_text = identity_of(*model, core.runner().program().layout(), activations, *pool);
  return identity_text;
}

Result<int> Engine::save_session(const std::filesystem::path& path, const Session& session, const std::string& principal,
                                 const std::vector<AdapterUse>& adapters) {
  return impl_->between_steps([&]() -> Result<int> {
    HB_TRY_ASSIGN(adapted, impl_->adapters.find(adapters));
    return impl_->core.save_session(path, session, owner_of_prefixes(principal, adapted), impl_->identity() + identity_of(adapted));
  });
}

Result<int> Engine::load_session(const std::filesystem::path& path, Session& session, const std::string& principal,
                                 const std::vector<AdapterUse>& adapters) {
  return impl_->between_steps([&]() -> Result<int> {
    HB_TRY_ASSIGN(adapted, impl_->adapters.find(adapters));
    return impl_->core.load_session(path, session, owner_of_prefixes(principal, adapted), impl_->identity() + identity_of(adapted));
  });
}

Result<Engine::Reply> Engine::complete(Request request, const TokenSink& sink) {
  if (request.choices != 1) return invalid("choices: {} where one is expected", request.choices);
  HB_TRY_ASSIGN(replies, complete_all(std::move(request), sink));
  return std::move(replies.front());
}

Result<std::vector<Engine::Reply>> Engine::complete_all(Request request, const TokenSink& sink) {
  return or_out_of_memory([&]() -> Result<std::vector<Reply>> {
    std::mutex mutex;
    std::condition_variable ended;
    std::vector<Reply> replies(static_cast<size_t>(std::max(request.choices, 0)));
    size_t finished = 0;
    std::optional<Error> error;
    HB_TRY(submit(std::move(request), [&](const Event& event) {
      const SinkAnswer answer = sink ? sink(event) : SinkAnswer::kMore;
      const std::lock_guard lock(mutex);
      Reply& reply = replies[static_cast<size_t>(event.choice)];
      try {
        reply.text += event.text;
        reply.cumulative_logprob = event.cumulative_logprob;
        reply.warning = event.warning;
        if (event.error) error = event.error;
      } catch (const std::bad_alloc&) {  // the last event must arrive all the same
        error = out_of_memory();
      }
      if (event.finished) {
        reply.reason = *event.finished;
        reply.usage = event.usage;
        if (++finished == replies.size()) ended.notify_one();
      }
      return answer;
    }));
    std::unique_lock lock(mutex);
    ended.wait(lock, [&] { return finished == replies.size(); });
    if (error) return *error;
    return replies;
  });
}

EngineStats Engine::stats() const {
  EngineStats stats = impl_->core.stats();
  const std::lock_guard lock(impl_->mutex);
  stats.refused = impl_->refused;
  return stats;
}

const EngineMemory& Engine::memory() const { return impl_->memory; }
int Engine::context_tokens() const { return impl_->context_tokens; }
int Engine::vocabulary() const { return impl_->model->formula->dims().vocabulary; }
int Engine::threads() const { return impl_->pool->threads(); }
bool Engine::adds_bos() const { return impl_->model->tokenizer->adds_bos(); }
const ConversationFormat& Engine::conversation() const { return *impl_->model->conversation; }
const std::vector<std::string>& Engine::warnings() const { return impl_->model->warnings; }
std::vector<Token> Engine::encode(const std::string& text, bool add_special, bool parse_special) const {
  return impl_->model->tokenizer->encode(text, {.add_special = add_special, .parse_special = parse_special});
}
std::string Engine::token_text(Token token) const { return impl_->model->tokenizer->piece(token, /*special=*/true); }

}  // namespace halfbyte
