// A small model of the same vocabulary that guesses tokens for a larger one. It draws with the sequence's own sampler and random numbers:
// where it thinks as the larger does, it draws the same token, at any temperature.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <vector>

#include "engine/runner.h"
#include "engine/scheduler.h"
#include "engine/step_times.h"
#include "sampling/sampler.h"

namespace halfbyte {

struct DraftAsk {
  SequenceId id = 0;
  std::span<const Token> tokens;  // all that are known
  uint64_t dropped = 0;           // tokens that were let go: positions go on counting
  Sampler* sampler = nullptr;     // afterwards as before
  int count = 0;
  std::vector<Token>* guess = nullptr;  // gets at most `count` tokens
};

// Not thread-safe. Requires: `pool` and `world` outlive it.
class DraftModel {
 public:
  // In two steps, so that what it takes is known before the cache's memory is planned.
  struct Loaded {
    std::unique_ptr<const Model> model;
    Program program;
    uint64_t weights() const { return model->weights.bytes(); }
  };
  // kUnsupported: its tokens are others than those of `vocabulary`. Else as load_model() and Runner::compile().
  static Result<Loaded> load(const std::filesystem::path& path, const Tokenizer& vocabulary, ThreadPool& pool, const RunnerOptions& options,
                             const World& world, uint64_t usable_memory);
  static Result<std::unique_ptr<DraftModel>> create(Loaded loaded, ThreadPool& pool, const RunnerOptions& options, const World& world);

  // Computes what it has not seen of the sequences, at most a step of each turn, and then guesses for those it has caught up with.
  void guess(std::span<const DraftAsk> asks);
  void forget(SequenceId id);
  double ms_per_guess() const { return times_.decode_ms(1); }

 private:
  struct Sequence {
    CachedSequence cache;
    std::vector<Token> computed;
  };
  struct Turn {
    const DraftAsk* ask;
    Sequence* sequence;
    std::vector<Token> next;  // to be computed
    bool is_caught_up = false;
    int accepted = 0;  // by the sampler
  };

  DraftModel(std::unique_ptr<const Model> model, Runner runner, int step_tokens, const World& world)
      : model_(std::move(model)), runner_(std::move(runner)), step_tokens_(step_tokens), world_(world) {}
  Turn begin(const DraftAsk& ask);
  bool reserve(Sequence& sequence, int tokens, std::span<const DraftAsk> asks);
  void compute(std::span<Turn*> turns);

  std::unique_ptr<const Model> model_;
  Runner runner_;
  int step_tokens_;
  const World& world_;
  StepTimes times_;
  std::map<SequenceId, Sequence> sequences_;
};

}  // namespace halfbyte
