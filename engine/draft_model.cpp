#include "engine/draft_model.h"

#include <algorithm>

#include "base/errors.h"

namespace halfbyte {

Result<DraftModel::Loaded> DraftModel::load(const std::filesystem::path& path, const Tokenizer& vocabulary, ThreadPool& pool,
                                            const RunnerOptions& options, const World& world, uint64_t usable_memory) {
  HB_TRY_ASSIGN(loaded, load_model(path, pool, world, usable_memory));
  auto model = std::make_unique<const Model>(std::move(loaded));
  const Tokenizer& own = *model->tokenizer;
  const int shared = std::min(own.vocabulary_size(), vocabulary.vocabulary_size());  // tables are padded differently
  for (Token token = 0; token < shared; ++token)
    if (own.text(token) != vocabulary.text(token))
      return unsupported("{}: cannot guess for this model: token {} is '{}', expected '{}'", model->path, token, escaped(own.text(token)),
                         escaped(vocabulary.text(token)));
  HB_TRY_ASSIGN(program, Runner::compile(*model, pool, options));
  if (program.layout().slab_bytes() > 0)
    return unsupported("{}: cannot guess: what it keeps of a sequence cannot be taken back", model->path);
  return Loaded{.model = std::move(model), .program = std::move(program)};
}

Result<std::unique_ptr<DraftModel>> DraftModel::create(Loaded loaded, ThreadPool& pool, const RunnerOptions& options, const World& world) {
  HB_TRY_ASSIGN(runner, Runner::create(std::move(loaded.program), pool, options, world));
  return std::unique_ptr<DraftModel>(new DraftModel(std::move(loaded.model), std::move(runner), options.chunk_tokens, world));
}

void DraftModel::forget(SequenceId id) {
  const auto found = sequences_.find(id);
  if (found == sequences_.end()) return;
  runner_.memory().release(found->second.cache);
  sequences_.erase(found);
}

// What it computed and the sequence did not say is taken back.
DraftModel::Turn DraftModel::begin(const DraftAsk& ask) {
  Sequence& sequence = sequences_[ask.id];
  const int vocabulary = model_->formula->dims().vocabulary;
  if (std::ranges::any_of(ask.tokens, [&](Token token) { return token >= vocabulary; })) return {.ask = &ask, .sequence = &sequence};
  const size_t most = std::min(sequence.computed.size(), ask.tokens.size() - 1);
  const auto common = std::ranges::mismatch(sequence.computed, ask.tokens.first(most)).in1 - sequence.computed.begin();
  if (common < sequence.cache.committed) {
    runner_.memory().release(sequence.cache);
    sequence.computed.clear();
  } else {
    runner_.memory().rewind(sequence.cache, static_cast<int>(common));
    sequence.computed.resize(static_cast<size_t>(common));
  }
  const auto missing = ask.tokens.subspan(sequence.computed.size());
  const auto now = missing.first(std::min(missing.size(), static_cast<size_t>(step_tokens_)));
  return {.ask = &ask, .sequence = &sequence, .next = {now.begin(), now.end()}, .is_caught_up = now.size() == missing.size()};
}

bool DraftModel::reserve(Sequence& sequence, int tokens, std::span<const DraftAsk> asks) {
  while (!runner_.memory().reserve(sequence.cache, tokens)) {
    const auto idle = std::ranges::find_if(
        sequences_, [&](const auto& other) { return std::ranges::find(asks, other.first, &DraftAsk::id) == asks.end(); });
    if (idle == sequences_.end()) return false;
    forget(idle->first);
  }
  return true;
}

// A step of the turns' next tokens; each that has caught up gets the guess that follows as its next token.
void DraftModel::compute(std::span<Turn*> turns) {
  std::vector<SliceTokens> slices;
  int tokens = 0;
  for (Turn* turn : turns) {
    slices.push_back({.sequence = &turn->sequence->cache,
                      .tokens = turn->next,
                      .first_wanted = turn->next.size() - (turn->is_caught_up ? 1 : 0),
                      .need = turn->ask->sampler->need()});
    tokens += static_cast<int>(turn->next.size());
  }
  std::vector<std::optional<Token>> chosen(turns.size());
  const auto began = world_.now();
  runner_.run(slices, [&](size_t slice, size_t, const Logits& logits) {
    const Turn& turn = *turns[slice];
    try {  // this is among the step's threads, which must all come to its end
      const Result<Token> token =
          turn.ask->sampler->sample(logits, turn.sequence->computed.size() + turn.next.size() + static_cast<size_t>(turn.ask->dropped));
      if (token) chosen[slice] = *token;
    } catch (const std::bad_alloc&) {  // then there is no guess
    }
  });
  const double ms = std::chrono::duration<double, std::milli>(world_.now() - began).count();
  const bool decodes = tokens == static_cast<int>(turns.size());
  times_.add(decodes ? tokens : 0, decodes ? 0 : tokens, ms);
  for (size_t i = 0; i < turns.size(); ++i) {
    Turn& turn = *turns[i];
    turn.sequence->computed.insert(turn.sequence->computed.end(), turn.next.begin(), turn.next.end());
    if (turn.accepted == 0) runner_.memory().commit(turn.sequence->cache);  // known tokens, no guesses
    turn.next.clear();
    if (!chosen[i]) continue;  // not yet caught up, or no logits to draw from
    turn.next = {*chosen[i]};
    turn.ask->guess->push_back(*chosen[i]);
    turn.ask->sampler->accept(*chosen[i]);
    ++turn.accepted;
  }
}

void DraftModel::guess(std::span<const DraftAsk> asks) {
  std::vector<Turn> turns;
  turns.reserve(asks.size());
  for (const DraftAsk& ask : asks) turns.push_back(begin(ask));
  for (;;) {
    std::vector<Turn*> open;
    int left = step_tokens_;
    for (Turn& turn : turns) {
      const int count = static_cast<int>(turn.next.size());
      if (count == 0 || count > left || turn.accepted >= turn.ask->count || !reserve(*turn.sequence, count, asks)) continue;
      left -= count;
      open.push_back(&turn);
    }
    if (open.empty()) break;
    compute(open);
    for (Turn& turn : turns)  // one whose turn it was not waits for the next step
      if (turn.accepted == 0) turn.next.clear();
  }
  for (Turn& turn : turns) turn.ask->sampler->rewind(static_cast<size_t>(turn.accepted));
}

}  // namespace halfbyte
