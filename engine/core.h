// The engine without its thread: it takes messages, plans, computes one step, chooses tokens, and tells the sinks. What it does depends
// on its messages and their order alone, so that a test can drive it through any of them (core_test.cpp).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/draft_model.h"
#include "engine/prefix_cache.h"
#include "engine/scheduler.h"
#include "engine/sequence.h"
#include "engine/step_times.h"

namespace halfbyte {

struct CoreLimits {
  int step_tokens = 512;  // most tokens in one step
  std::optional<double> latency_target_ms;
  bool speculates = true;  // checks guessed tokens where that pays
  bool prefix_cache = true;
};

// Not thread-safe. Requires: model, the runner's thread pool and `world`, whose clock it reads, outlive it.
class EngineCore {
 public:
  // What the rest of the program wants of the core. It takes effect before the next step.
  struct Message {
    enum class Kind { kSubmit, kCancel, kResume, kCall } kind;
    RequestId id;
    std::unique_ptr<Sequence> sequence;  // kSubmit
    std::function<void()> call;          // kCall: done between steps; nothing is thrown
  };

  // `draft_model`: guesses where a sequence's own tokens give none; may be null.
  EngineCore(const Model& model, Runner runner, const CoreLimits& limits, const World& world,
             std::unique_ptr<DraftModel> draft_model = nullptr, std::optional<PrefixStore> prefixes = {});

  // Takes the messages and computes a step, if there is anything to compute. Returns how many requests had their last event.
  // No exception leaves it: where memory runs out, the requests whose memory it may have been fail.
  int turn(std::vector<Message> messages);
  // Takes the messages and ends all requests.
  int close(std::vector<Message> messages);
  bool is_idle() const { return !scheduler_.has_work() && !prefixes_.has_unsaved(); }  // until a message comes, or this:
  std::optional<std::chrono::steady_clock::time_point> next_deadline() const;

  // Of a kCall's time. What is computed of the session's tokens goes to the file, and comes from it, if `identity` is what its bits depend on;
  // `owner` shares them (owner_of_prefixes).
  Result<int> save_session(const std::filesystem::path& path, const Session& session, const std::string& owner,
                           const std::string& identity);
  Result<int> load_session(const std::filesystem::path& path, Session& session, const std::string& owner, const std::string& identity);

  const Runner& runner() const { return runner_; }
  EngineStats stats() const;  // thread-safe; `refused` is not the core's

 private:
  void take(std::vector<Message>& messages);
  void start(const Sequence& sequence);
  void start_followers(Sequence& first);
  void obey_deadlines();
  void fail_all(std::vector<Message>& messages);
  void guess();
  void ask_draft_model(std::span<Sequence* const> sequences, int others);
  int extend(Sequence& sequence);
  std::vector<Slice> planned();
  std::optional<Trace::Time> trace(const std::vector<Slice>& plan, Trace::Time began);
  void record(const std::vector<Slice>& plan, std::chrono::steady_clock::duration took);
  int settle(Sequence& sequence, const Slice& slice);
  void step();
  void publish(Sequence& sequence);
  void fail(Sequence& sequence, const Error& error);
  void advance_beams(Sequence& sequence);
  void deal_beams(BeamGroup& group, std::span<const size_t> parents);
  void end_beams(BeamGroup& group, FinishReason reason);
  void end(Sequence& sequence, FinishReason reason, std::string text, std::optional<Error> error = {});
  void bury();

  const Model& model_;
  Runner runner_;
  std::unique_ptr<DraftModel> draft_model_;
  CoreLimits limits_;
  Scheduler scheduler_;
  StepTimes step_times_;
  PrefixCache prefixes_;
  const World& world_;
  std::map<RequestId, std::unique_ptr<Sequence>> sequences_;
  std::chrono::steady_clock::time_point now_;  // at the turn's start, then at the step's end
  mutable std::mutex stats_mutex_;
  EngineStats stats_;  // under the mutex
  int buried_ = 0;     // since the last turn
};

}  // namespace halfbyte
