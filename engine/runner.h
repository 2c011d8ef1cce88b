// Executes plans: turns slices of sequences into steps of the compiled program. Tensors, no policy.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/memory.h"
#include "halfbyte/activation_mode.h"
#include "halfbyte/kv_types.h"
#include "halfbyte/token.h"
#include "models/model.h"
#include "ops/program.h"

namespace halfbyte {

struct RunnerOptions {
  int cache_tokens = 0;    // positions of all sequences together, in pages of each layer group
  int slabs = 8;           // where the formula keeps something of a fixed size: of all sequences and snapshots together
  int chunk_tokens = 512;  // most tokens in one step
  KvTypes kv_types;
  ActivationMode activations = ActivationMode::kInt8;
  std::optional<Isa> isa;  // absent: default_isa()
  Trace* trace = nullptr;  // of what the threads do; flushed by who runs
  int adapter_rank = 0;    // the greatest Adapter::rank that slices come with
};

// kInvalid: there are none, or one is outside the vocabulary; `name` is theirs, in the message.
Result<void> check_tokens(std::string_view name, std::span<const Token> tokens, int vocabulary);

// A slice of a plan (engine/scheduler.h) with what computing it takes: its tokens and its sequence's cache.
struct SliceTokens {
  CachedSequence* sequence = nullptr;
  std::span<const Token> tokens;                  // follow the sequence's cached positions. Requires: check_tokens() accepts them
  size_t first_wanted = 0;                        // logits are wanted after this token of the slice and all later ones,
  LogitsNeed need;                                // and this of them
  std::span<const AppliedAdapter> adapters = {};  // Requires: at most kMostAdapters, of the runner's model and room
};

// Not thread-safe: one run at a time. Requires: `model` and `pool` outlive it.
class Runner {
 public:
  static Result<Runner> create(const Model& model, ThreadPool& pool, const RunnerOptions& options, const World& world = this_machine());
  // In two steps, for whoever wants to know what a program takes before memory is.
  static Result<Program> compile(const Model& model, const ThreadPool& pool, const RunnerOptions& options);
  static Result<Runner> create(Program program, ThreadPool& pool, const RunnerOptions& options, const World& world);

  using Sink = std::function<void(size_t slice, size_t token, const Logits& logits)>;
  // One step: sequences grow by their slices, uncommitted. Requires: memory() has room reserved for them, at most chunk_tokens tokens in
  // all, a sequence in one slice only.
  void run(std::span<const SliceTokens> slices, const Sink& sink);
  // Does `work` for 0 to `count` - 1 on the step's threads, each the next that is left. Requires: it does not throw.
  void share_out(size_t count, const std::function<void(size_t)>& work);
  Memory& memory() { return memory_; }
  const Memory& memory() const { return memory_; }
  const Program& program() const { return program_; }
  Trace* trace() const { return trace_ != nullptr ? &trace_->trace : nullptr; }
  // What the reader of the logits so far should know: keys or values were too great for the cache. Empty: nothing.
  std::string warning() const;
  size_t bytes_cached_per_sequence(int tokens) const { return program_.layout().bytes_for(tokens); }

 private:
  static std::vector<size_t> order(std::span<const SliceTokens> slices);
  Runner(Program program, Memory memory, Workspace workspace, ThreadPool& pool, std::unique_ptr<const StepTrace> trace)
      : program_(std::move(program)),
        memory_(std::move(memory)),
        workspace_(std::move(workspace)),
        pool_(&pool),
        trace_(std::move(trace)) {}

  Program program_;
  Memory memory_;
  Workspace workspace_;
  ThreadPool* pool_;
  std::unique_ptr<const StepTrace> trace_;  // null: none
};

}  // namespace halfbyte
