// Executes plans: turns slices of sequences into steps of the compiled program. Tensors, no policy.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/block_pool.h"
#include "halfbyte/activation_mode.h"
#include "halfbyte/kv_type.h"
#include "halfbyte/token.h"
#include "models/model.h"
#include "ops/program.h"

namespace halfbyte {

struct RunnerOptions {
  int cache_tokens = 0;    // positions of all sequences together
  int chunk_tokens = 512;  // most tokens in one step
  KvType kv_type = KvType::kF16;
  ActivationMode activations = ActivationMode::kInt8;
  std::optional<Isa> isa;  // absent: default_isa()
};

// The cache of one sequence: a page table per layer group. Pages belong to the Runner's pool; Runner::release gives them back.
struct CachedSequence {
  int length = 0;                               // positions computed
  std::vector<std::vector<std::byte*>> tables;  // [group][position / 32]; null: never needed again
};

// kInvalid: there are none, or one is outside the vocabulary; `name` is theirs, in the message.
Result<void> check_tokens(std::string_view name, std::span<const Token> tokens, int vocabulary);

// A slice of a plan (engine/scheduler.h) with what computing it takes: its tokens and its sequence's cache.
struct SliceTokens {
  CachedSequence* sequence = nullptr;
  std::span<const Token> tokens;  // follow the sequence's cached positions. Requires: check_tokens() accepts them
  size_t first_wanted = 0;        // logits are wanted after this token of the slice and all later ones,
  LogitsNeed need;                // and this of them
};

// Not thread-safe: one run at a time. Requires: `model` and `pool` outlive it.
class Runner {
 public:
  static Result<Runner> create(const Model& model, ThreadPool& pool, const RunnerOptions& options, const World& world = this_machine());

  using Sink = std::function<void(size_t slice, size_t token, const Logits& logits)>;
  // One step. kBusy: no free pages; nothing was computed. Requires: at most chunk_tokens tokens in all, a sequence in one slice only.
  Result<void> run(std::span<const SliceTokens> slices, const Sink& sink);
  void release(CachedSequence& sequence);

  // The most pages of one group that a sequence of so many tokens holds at once, steps included.
  int pages_for(int tokens) const;
  int pages() const { return cache_.pages(); }
  int free_pages() const;  // of the layer group that has the fewest
  const Program& program() const { return program_; }
  // What the reader of the logits so far should know: keys or values were too great for the cache. Empty: nothing.
  std::string warning() const;
  size_t bytes_cached_per_sequence(int tokens) const { return program_.layout().bytes_for(tokens); }

 private:
  Runner(Program program, BlockPool cache, Workspace workspace, ThreadPool& pool)
      : program_(std::move(program)), cache_(std::move(cache)), workspace_(std::move(workspace)), pool_(&pool) {}
  bool reserve(CachedSequence& sequence, int length);
  void drop_unseen(CachedSequence& sequence);

  Program program_;
  BlockPool cache_;
  Workspace workspace_;
  ThreadPool* pool_;
};

}  // namespace halfbyte
