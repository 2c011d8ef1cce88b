// The core under random messages: whatever else it does, a request gets the bytes that it gets alone.
#include "engine/core.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <random>
#include <string>

#include "base/errors.h"
#include "base/file.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "base/trace.h"
#include "engine/adapters.h"
#include "grammar/grammars.h"
#include "models/tiny_adapter.h"

namespace halfbyte {
namespace {

// What the sink of a request saw of a choice.
struct Seen {
  std::string text, told;  // told: log-probabilities
  std::optional<FinishReason> reason;
  std::string error;
  int completion_tokens = 0;
  int events_after_the_last = 0;

  void add(const Event& event) {
    if (reason) ++events_after_the_last;
    text += event.text;
    for (const auto* tokens : {&event.prompt_tokens, &event.tokens})
      for (const ReplyToken& token : *tokens) {
        told += fmt::format(" {} {}", token.chosen.token, token.chosen.log_probability);
        for (const TokenProbability& other : token.likeliest) told += fmt::format("/{} {}", other.token, other.log_probability);
      }
    if (!event.finished) return;
    reason = event.finished;
    completion_tokens = event.usage.completion_tokens;
    if (event.error) error = event.error->message;
  }
  bool operator==(const Seen&) const = default;
};

// A model and its threads; cores are made on it.
class Bench {
 public:
  Bench(const TinyModelFile& file, int threads, std::span<const AdapterFile> adapters = {})
      : pool_(threads), model_(std::move(*load_model(file.path(), pool_))) {
    std::vector<std::string> warnings;
    adapters_ = std::move(*Adapters::open(adapters, model_, this_machine(), warnings));
  }

  // `draft_model`: a file whose model guesses; null: none does.
  EngineCore core(RunnerOptions options, const CoreLimits& limits, const World& world = this_machine(),
                  const TinyModelFile* draft_model = nullptr) {
    options.adapter_rank = adapters_.rank();
    auto runner = Runner::create(model_, pool_, options);
    EXPECT_TRUE(runner) << runner.error().message;
    std::unique_ptr<DraftModel> drafter;
    if (draft_model != nullptr) {
      auto loaded = DraftModel::load(draft_model->path(), *model_.tokenizer, pool_, options, world, UINT64_MAX);
      EXPECT_TRUE(loaded) << loaded.error().message;
      auto opened = DraftModel::create(std::move(*loaded), pool_, options, world);
      EXPECT_TRUE(opened) << opened.error().message;
      drafter = std::move(*opened);
    }
    return EngineCore(model_, std::move(*runner), limits, world, std::move(drafter));
  }
  std::vector<EngineCore::Message> submission(RequestId id, const Request& request, const TokenSink& sink) {
    std::vector<std::unique_ptr<Constraint>> constraints;
    for (int choice = 0; request.grammar && choice < request.choices; ++choice)
      constraints.push_back(
          std::move(*Constraint::begin(**grammars_.compile(*request.grammar), *model_.tokenizer, request.thinking, request.forced_prefix)));
    std::vector<EngineCore::Message> messages;
    for (auto& sequence :
         sequences_of(request, id, sink, *model_.tokenizer, kContext, std::move(constraints), *adapters_.find(request.adapters))) {
      const SequenceId own = sequence->id;
      messages.push_back({EngineCore::Message::Kind::kSubmit, own, std::move(sequence)});
    }
    return messages;
  }

  static constexpr int kContext = 256;

 private:
  ThreadPool pool_;
  Model model_;
  Adapters adapters_;
  Grammars grammars_{*model_.tokenizer};
};

std::vector<Seen> alone(Bench& bench, const RunnerOptions& options, const Request& request) {
  EngineCore core = bench.core(options, {.step_tokens = 64, .speculates = false, .prefix_cache = false});
  std::vector<Seen> seen(static_cast<size_t>(request.choices));
  core.turn(bench.submission(1, request, [&](const Event& event) {
    seen[static_cast<size_t>(event.choice)].add(event);
    return SinkAnswer::kMore;
  }));
  while (!core.is_idle()) core.turn({});
  for (const Seen& choice : seen) EXPECT_TRUE(choice.reason) << "no last event";
  return seen;
}

// What each choice gets that is asked for by itself; those of a search there are together only.
std::vector<Seen> each_alone(Bench& bench, const RunnerOptions& options, const Request& request) {
  if (request.beam_search) return alone(bench, options, request);
  std::vector<Seen> seen;
  for (int choice = 0; choice < request.choices; ++choice) {
    Request one = request;
    one.choices = 1;
    *one.sampling.seed += static_cast<uint64_t>(choice);
    if (choice > 0) one.prompt_logprobs.reset();
    seen.push_back(alone(bench, options, one).front());
  }
  return seen;
}

// Time goes on as a test has it.
class Clock final : public World {
 public:
  explicit Clock(uint64_t seed) : random_(seed) {}
  std::chrono::steady_clock::time_point now() const override { return time_ += std::chrono::microseconds(random_() % 8000); }

 private:
  mutable std::mt19937_64 random_;
  mutable std::chrono::steady_clock::time_point time_;
};

// Everything that happens follows from a seed.
class Simulation {
 public:
  Simulation(uint64_t seed, const TinyModelFile& file, std::span<const AdapterFile> adapters)
      : random_(seed), file_(file), clock_(seed), bench_(file, below(3) + 1, adapters), alone_bench_(file, 1, adapters) {
    for (const AdapterFile& adapter : adapters) adapters_.push_back(adapter.name);
  }

  void run(int requests) {
    const char* types[] = {"f16", "f32", "q8_0", "bf16"};
    const int steps[] = {1, 2, 7, 32, 64};
    RunnerOptions options{.cache_tokens = Bench::kContext + 32 * below(6), .kv_types = {types[below(4)], types[below(4)]}};
    options.chunk_tokens = steps[below(5)];
    CoreLimits limits{.step_tokens = options.chunk_tokens};
    limits.speculates = below(3) > 0;
    limits.prefix_cache = below(4) > 0;
    if (below(2) == 0) limits.latency_target_ms = 1 + below(20);
    const TinyModelFile like({.layers = 1}), other({.layers = 1, .seed = 99});
    const TinyModelFile* drafters[] = {nullptr, &file_, &like, &other};
    EngineCore core = bench_.core(options, limits, clock_, drafters[below(4)]);
    options.chunk_tokens = 64;
    options.cache_tokens = Bench::kContext;
    int ended = 0;
    for (int turns = 0; static_cast<int>(asked_.size()) < requests || ended < submitted_; ++turns) {
      ASSERT_LT(turns, 100000) << "the core stands still";
      std::vector<EngineCore::Message> messages;
      if (static_cast<int>(asked_.size()) < requests && (below(3) == 0 || core.is_idle())) {
        messages = submission();
        submitted_ += static_cast<int>(messages.size());
      }
      if (!asked_.empty() && below(40) == 0) {
        const size_t i = static_cast<size_t>(below(static_cast<int>(asked_.size())));
        asked_[i]->is_cancelled = true;
        messages.push_back({EngineCore::Message::Kind::kCancel, id_of(i), nullptr});
      }
      for (size_t i = 0; i < asked_.size(); ++i)
        if (asked_[i]->is_paused && below(8) == 0) {
          asked_[i]->is_paused = false;
          messages.push_back({EngineCore::Message::Kind::kResume, id_of(i), nullptr});
        }
      ended += core.turn(std::move(messages));
    }
    EXPECT_TRUE(core.is_idle());
    stats_ = core.stats();
    EXPECT_EQ(core.runner().memory().free(), core.runner().memory().size()) << "a page is lost";
    for (const auto& asked : asked_) compare(*asked, options);
  }

  // What happened, that the comparison is worth something.
  struct Happened {
    uint64_t preemptions = 0, cached = 0, drafted = 0, accepted = 0;
    int pauses = 0, cancelled = 0, stopped = 0, failed = 0, whole = 0, repetitions = 0, cut_thoughts = 0, searches = 0, choices = 0,
        adapted = 0;
  };
  void count(Happened& all) const {
    all.preemptions += stats_.preemptions;
    all.cached += stats_.cached_tokens;
    all.drafted += stats_.drafted_tokens;
    all.accepted += stats_.accepted_tokens;
    for (const auto& asked : asked_) {
      const Request& request = asked->request;
      all.pauses += asked->pauses > 0;
      all.searches += request.beam_search && request.beam_search->width > 1 && !asked->is_cancelled;
      all.choices += !request.beam_search && request.choices > 1 && !asked->is_cancelled;
      all.adapted += !request.adapters.empty();
      for (const Seen& seen : asked->seen) {
        all.cancelled += asked->is_cancelled && seen.reason == FinishReason::kCancelled;
        all.stopped += seen.reason == FinishReason::kStop;
        all.failed += seen.reason == FinishReason::kFailed;
        all.whole += seen.reason == FinishReason::kLength || seen.reason == FinishReason::kEnd;
        all.repetitions += seen.reason == FinishReason::kRepetition;
        all.cut_thoughts += request.thinking_budget && seen.text.find(request.thinking->close) != std::string::npos;
      }
    }
  }

 private:
  struct Asked {
    Request request;
    std::vector<Seen> seen;  // by choice
    bool is_paused = false, is_cancelled = false, is_stopped = false;
    int pauses = 0;      // one event in so many is answered with a pause; 0: none
    bool fails = false;  // there is no memory for its next event
    int patience = 0;    // events until the reader wants no more; 0: it wants all
  };

  int below(int n) { return static_cast<int>(random_() % static_cast<uint64_t>(n)); }

  // One that takes no other options than these.
  void search(Request& request) {
    request.max_tokens = 1 + below(40);
    request.min_tokens = below(10);
    request.beam_search =
        BeamSearch{.width = 1 + below(kMostBeams), .length_penalty = static_cast<float>(below(5) - 1) / 2, .early_stopping = below(2) == 0};
    request.choices = 1 + below(request.beam_search->width);
    if (below(2) == 0) request.stop = {std::string(1, static_cast<char>('a' + below(26)))};
    if (below(3) == 0) request.stop_tokens = {below(256)};
    if (below(3) == 0) request.logprobs = below(3);
    if (below(6) == 0) request.prompt_logprobs = below(3);
    request.priority = below(3);
    if (request.principal.empty()) request.principal = std::string(1, static_cast<char>('a' + below(3)));
  }

  Request request() {
    Request request{.max_tokens = 1 + below(100), .ignore_eos = below(2) != 0};
    // Some begin like an earlier one, as turns of a conversation do.
    if (!asked_.empty() && below(2) == 0) {
      const Request& earlier = asked_[static_cast<size_t>(below(static_cast<int>(asked_.size())))]->request;
      const int length = static_cast<int>(earlier.prompt.size());
      request.prompt.assign(earlier.prompt.begin(), earlier.prompt.begin() + (below(2) == 0 ? length : 1 + below(length)));
      request.principal = earlier.principal;
    } else if (below(2) == 0) {
      for (Token token = 0; token < 70; ++token) request.prompt.push_back(token);  // a system message
    }
    for (int more = 1 + below(below(4) == 0 ? 120 : 12); more > 0 && request.prompt.size() < 150; --more)
      request.prompt.push_back(below(TinyModel::kVocabulary));
    if (below(8) == 0) {
      search(request);
      return request;
    }
    SamplingOptions& sampling = request.sampling;
    sampling.temperature = below(3) == 0 ? 0.0F : 0.5F + static_cast<float>(below(3)) / 2;
    sampling.top_k = below(2) == 0 ? 0 : 1 + below(50);
    sampling.top_p = below(2) == 0 ? 1.0F : 0.9F;
    sampling.repeat_penalty = below(3) == 0 ? 1.2F : 1.0F;
    sampling.presence_penalty = below(4) == 0 ? 0.5F : 0.0F;
    sampling.seed = random_();
    request.priority = below(3);
    if (below(8) == 0) {
      request.keep_tokens = below(40);
      request.max_tokens = 1 + below(300);
    }
    if (request.principal.empty() || below(4) == 0) request.principal = std::string(1, static_cast<char>('a' + below(3)));
    const GrammarSource grammars[] = {
        {GrammarKind::kRegex, "([a-f]{2,5}[;,]){1,12}"},
        {GrammarKind::kJsonSchema, R"({"type": "array", "maxItems": 9, "items": {"enum": [true, "ab", 12]}})"},
        {GrammarKind::kGbnf, "root ::= \"a\" root \"b\" | [c-e]{1,9}"},
    };
    for (const std::string& name : adapters_)
      if (below(3) == 0) request.adapters.push_back({name, below(2) == 0 ? 1.0F : 0.5F});
    if (below(3) == 0) request.stop = {std::string(1, static_cast<char>('a' + below(26)))};
    if (below(6) == 0) request.stop_tokens = {below(256), below(256)};
    if (below(6) == 0) request.choices = 2 + below(2);
    if (below(8) == 0) request.grammar = grammars[below(3)];
    if (below(4) == 0) {
      request.thinking = ThinkingMarkers{.open = "a", .close = "</a>", .has_begun = below(3) > 0};
      request.thinking_budget = below(20);
    }
    if (below(6) == 0 && !request.grammar)
      for (int more = 1 + below(8); more > 0; --more) request.forced_prefix.push_back(below(256));
    if (below(6) == 0) request.repetition_detection = RepetitionDetection{.max_pattern_size = 1 + below(4), .min_count = 2};
    if (below(6) == 0) request.logprobs = below(3);
    if (below(6) == 0 && !request.keep_tokens) request.prompt_logprobs = below(3);
    return request;
  }

  static constexpr int kMostBeams = 4;
  static RequestId id_of(size_t asked) { return (asked + 1) * kMostBeams; }

  std::vector<EngineCore::Message> submission() {
    Request next = request();
    auto& asked = *asked_.emplace_back(std::make_unique<Asked>());
    asked.request = std::move(next);
    asked.seen.resize(static_cast<size_t>(asked.request.choices));
    if (asked.request.choices == 1) {
      asked.fails = below(15) == 0;
      asked.pauses = below(4) == 0 ? 1 + below(4) : 0;
      asked.patience = below(12) == 0 ? 1 + below(20) : 0;
    }
    return bench_.submission(id_of(asked_.size() - 1), asked.request, [this, &asked](const Event& event) {
      EXPECT_FALSE(asked.is_paused && !event.finished) << "an event for a reader that is not ready";
      if (!event.finished && asked.fails) throw std::bad_alloc();
      asked.seen[static_cast<size_t>(event.choice)].add(event);
      if (event.finished) return SinkAnswer::kMore;
      if (asked.patience > 0 && --asked.patience == 0) {
        asked.is_stopped = true;
        return SinkAnswer::kStop;
      }
      asked.is_paused = asked.pauses > 0 && below(asked.pauses) == 0;
      return asked.is_paused ? SinkAnswer::kPause : SinkAnswer::kMore;
    });
  }

  void compare(const Asked& asked, const RunnerOptions& options) {
    const std::vector<Seen> expected = each_alone(alone_bench_, options, asked.request);
    for (size_t choice = 0; choice < expected.size(); ++choice) compare(asked, asked.seen[choice], expected[choice]);
  }

  static void compare(const Asked& asked, const Seen& seen, const Seen& expected) {
    EXPECT_EQ(seen.events_after_the_last, 0);
    if (seen.reason == FinishReason::kCancelled) {
      EXPECT_TRUE(asked.is_cancelled || asked.is_stopped);
      EXPECT_TRUE(expected.text.starts_with(seen.text)) << seen.text << "\n" << expected.text;
    } else if (seen.reason == FinishReason::kFailed) {
      EXPECT_TRUE(asked.fails) << seen.error;
      EXPECT_EQ(seen.error, out_of_memory().message);
    } else {
      EXPECT_EQ(seen, expected);
    }
  }

  std::mt19937_64 random_;
  std::vector<std::string> adapters_;
  const TinyModelFile& file_;
  Clock clock_;
  Bench bench_, alone_bench_;
  std::vector<std::unique_ptr<Asked>> asked_;
  int submitted_ = 0;  // sequences
  EngineStats stats_;
};

// HALFBYTE_SIMULATIONS: of each model; `make test-long` has many.
int simulations() {
  const char* asked = std::getenv("HALFBYTE_SIMULATIONS");
  return asked != nullptr ? std::atoi(asked) : 6;
}

void simulate(const TinyModel& model) {
  const TinyModelFile file(model);
  const std::vector<std::string> attention = {"attn_q", "attn_v", "attn_output"}, all = TinyAdapter().targets;
  const TinyAdapterFile small(model, {.rank = 3, .targets = model.experts > 0 ? attention : all});
  const TinyAdapterFile large(model, {.rank = 20, .seed = 2, .targets = attention});
  const AdapterFile adapters[] = {{"small", small.path()}, {"large", large.path()}};
  Simulation::Happened happened;
  for (int seed = 1; seed <= simulations(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulation simulation(static_cast<uint64_t>(seed), file, adapters);
    simulation.run(30);
    if (testing::Test::HasFailure()) return;
    simulation.count(happened);
  }
  const std::pair<const char*, uint64_t> counts[] = {
      {"preemptions", happened.preemptions},
      {"pages found", happened.cached / 32},
      {"requests with adapters", static_cast<uint64_t>(happened.adapted)},
      {"wrong guesses", happened.drafted - happened.accepted},
      {"right guesses", happened.accepted},
      {"pauses", static_cast<uint64_t>(happened.pauses)},
      {"cancelled", static_cast<uint64_t>(happened.cancelled)},
      {"stopped", static_cast<uint64_t>(happened.stopped)},
      {"failed", static_cast<uint64_t>(happened.failed)},
      {"whole", static_cast<uint64_t>(happened.whole)},
      {"searches", static_cast<uint64_t>(happened.searches)},
      {"choices", static_cast<uint64_t>(happened.choices)},
      {"repetitions", static_cast<uint64_t>(happened.repetitions)},
      {"cut thoughts", static_cast<uint64_t>(happened.cut_thoughts)},
  };
  for (const auto& [what, count] : counts) EXPECT_GE(count, static_cast<uint64_t>(simulations() / 3)) << what;
}

TEST(EngineCore, EveryRequestGetsTheBytesItGetsAlone) { simulate({}); }
TEST(EngineCore, EveryRequestOfAModelWithAWindowGetsTheBytesItGetsAlone) { simulate({.window = 48, .format = "F32", .seed = 2}); }
// Each look at the clock finds it 10 ms further. The core looks twice a turn: before a step and after it.
class TickingWorld final : public World {
 public:
  std::chrono::steady_clock::time_point now() const override {
    return std::chrono::steady_clock::time_point(++looks_ * std::chrono::milliseconds(10));
  }

 private:
  mutable int looks_ = 0;
};

TEST(EngineCore, CountsWhatItDidAndHowLongItTook) {
  const TinyModelFile file;
  Bench bench(file, 1);
  const TickingWorld world;
  EngineCore core = bench.core({.cache_tokens = 64}, {.step_tokens = 64}, world);
  Usage usage;
  const Request request{.prompt = {1, 2, 3, 4, 5}, .max_tokens = 3, .ignore_eos = true};
  core.turn(bench.submission(1, request, [&](const Event& event) {  // submitted at 0: first step from 10 to 20, then to 40, to 60
    if (event.finished) usage = event.usage;
    return SinkAnswer::kMore;
  }));
  EXPECT_EQ(core.stats().running, 1);
  EXPECT_EQ(core.stats().free_pages, 1);
  while (!core.is_idle()) core.turn({});

  EXPECT_DOUBLE_EQ(usage.queued_ms, 10);
  EXPECT_DOUBLE_EQ(usage.prompt_ms, 10);
  EXPECT_DOUBLE_EQ(usage.generation_ms, 40);
  EXPECT_DOUBLE_EQ(usage.inter_token_ms, 20);
  const EngineStats stats = core.stats();
  EXPECT_EQ(stats.steps, 3U);
  EXPECT_EQ(stats.tokens, 5U + 2U);
  EXPECT_EQ(stats.prompt_tokens, 5U);
  EXPECT_EQ(stats.generated_tokens, 3U);
  EXPECT_EQ(stats.requests, 1U);
  EXPECT_EQ(stats.failed, 0U);
  EXPECT_EQ(stats.running, 0);
  EXPECT_EQ(stats.pages, 2);
  EXPECT_EQ(stats.free_pages, 2);
  const auto expect = [](const DurationHistogram& histogram, uint64_t count, double sum) {
    EXPECT_EQ(histogram.count(), count);
    EXPECT_NEAR(histogram.sum, sum, 1e-9);
  };
  expect(stats.queue, 1, 0.01);
  expect(stats.first_token, 1, 0.02);
  expect(stats.inter_token, 2, 0.04);
  expect(stats.step, 3, 0.03);
  expect(stats.request, 1, 0.06);
}

// The events of a trace that happen on a thread, in order.
std::vector<Json> spans(const Json& trace, int64_t thread) {
  std::vector<Json> all;
  for (const Json& event : *trace.find("traceEvents")->array())
    if (*event.find("ph")->text() == "X" && json_text(*event.find("tid")) == std::to_string(thread)) all.push_back(event);
  return all;
}

TEST(EngineCore, ATraceTellsOfEveryStepWhatItComputedAndWhatTheThreadsDid) {
  const TinyModelFile file;
  Bench bench(file, 2);
  const auto path = std::filesystem::path(testing::TempDir()) / "core_test_trace.json";
  auto trace = std::move(*Trace::create(path));
  {
    EngineCore core = bench.core({.cache_tokens = 64, .trace = trace.get()}, {.step_tokens = 4, .speculates = false});
    const auto sink = [](const Event&) { return SinkAnswer::kMore; };
    core.turn(bench.submission(7, {.prompt = {1, 2, 3, 4, 5, 6}, .max_tokens = 3, .ignore_eos = true}, sink));
    while (!core.is_idle()) core.turn({});
  }
  ASSERT_TRUE(trace->finish());
  const auto text = read_text(path, 1 << 24);
  const auto json = parse_json(*text, "trace");
  ASSERT_TRUE(json) << json.error().message;
  std::string steps;
  std::vector<std::pair<double, double>> of_steps;
  const auto number = [](const Json& event, std::string_view key) { return std::stod(json_text(*event.find(key))); };
  for (const Json& event : spans(*json, 0))
    if (*event.find("name")->text() == "step") {
      steps += json_text(*event.find("args")) + "\n";
      of_steps.emplace_back(number(event, "ts"), number(event, "ts") + number(event, "dur"));
    }
  EXPECT_EQ(steps, R"({"slices":[{"request":7,"first":0,"tokens":4}],"tokens":4})"
                   "\n"
                   R"({"slices":[{"request":7,"first":4,"tokens":2}],"tokens":2})"
                   "\n"
                   R"({"slices":[{"request":7,"first":6,"tokens":1}],"tokens":1})"
                   "\n"
                   R"({"slices":[{"request":7,"first":7,"tokens":1}],"tokens":1})"
                   "\n");
  for (const int thread : {0, 1}) {
    size_t step = 0;
    double end = 0;
    std::string names;
    for (const Json& event : spans(*json, thread)) {
      const std::string& name = *event.find("name")->text();
      if (name == "step" || name == "publish") continue;
      names += name + ", ";
      const double begin = number(event, "ts");
      while (step < of_steps.size() && begin > of_steps[step].second) ++step, end = 0;
      ASSERT_LT(step, of_steps.size()) << name << " lies in no step";
      if (end > 0) {
        EXPECT_NEAR(begin, end, 0.002) << name << " leaves a gap";
      }
      end = begin + number(event, "dur");
      EXPECT_GE(begin, of_steps[step].first);
      EXPECT_LE(end, of_steps[step].second + 0.002);
    }
    EXPECT_EQ(step, 3U) << "a step in which the thread did nothing";
    for (const char* part :
         {"rope table embed norm, q k v F32 64x64, wait, attend 0, wait, ", "gate up F32 96x64, ", "logits F32 258x64, "})
      EXPECT_NE(names.find(part), std::string::npos) << names;
  }
  int rows = 0;
  for (const Json& event : *json->find("traceEvents")->array()) rows += event.find("id") != nullptr;
  EXPECT_EQ(rows, 6);  // queue, prompt and generation, a beginning and an end of each
}

TEST(EngineCore, EveryRequestOfAMixtureGetsTheBytesItGetsAlone) { simulate({.experts = 8, .seed = 3}); }

}  // namespace
}  // namespace halfbyte
