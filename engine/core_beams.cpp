// Beam search in the core: each beam's tokens are a sequence's, which waits, paused, until all have been looked at. Those that go on from
// another one's beginning take over its pages.
#include <algorithm>
#include <utility>

#include "engine/core.h"

namespace halfbyte {

void EngineCore::advance_beams(Sequence& sequence) {
  BeamGroup& group = *sequence.beam_group;
  if (sequence.has_ended || !sequence.continuations) return;  // in the midst of its tokens
  scheduler_.pause(sequence.id, true);                        // it may lose its pages while it waits: nobody would compute them again
  std::vector<const Continuations*> after;
  for (const Sequence* holder : group.holders) {
    if (!holder->continuations) return;
    after.push_back(&*holder->continuations);
  }
  const std::vector<size_t> parents = group.beams.advance(after);
  if (group.beams.is_done()) return end_beams(group, FinishReason::kLength);
  deal_beams(group, parents);
}

// A beam's first continuation stays where its beginning is; others go to sequences whose own beginning was given up, or that had none.
void EngineCore::deal_beams(BeamGroup& group, std::span<const size_t> parents) {
  std::vector<Sequence*> holders, free = group.sequences;
  for (const size_t parent : parents) {
    Sequence* const holder = group.holders[parent];
    const auto found = std::ranges::find(free, holder);
    holders.push_back(found != free.end() ? holder : nullptr);
    if (found != free.end()) free.erase(found);
  }
  for (size_t i = 0; i < holders.size(); ++i) {
    if (holders[i] != nullptr) continue;
    holders[i] = free.front();  // the first ones are the likeliest to run already
    free.erase(free.begin());
    Sequence& to = *holders[i];
    const Sequence& from = *group.holders[parents[i]];
    to.tokens = from.tokens;
    const bool runs = to.cache.length > 0;
    runner_.memory().release(to.cache);
    // Who waits to start holds nothing; and where there is no room for a copy, the prefix cache knows most of the pages.
    if (runs && !runner_.memory().fork(from.cache, to.cache)) extend(to);
  }
  for (size_t i = 0; i < holders.size(); ++i) {
    Sequence& holder = *holders[i];
    holder.tokens.push_back(group.beams.live()[i].tokens.back().chosen.token);
    scheduler_.restart(holder.id, holder.known());
    scheduler_.skip(holder.id, holder.cache.length);
    scheduler_.pause(holder.id, false);
  }
  for (Sequence* sequence : group.sequences) sequence->continuations.reset();
  for (Sequence* none : free) {
    runner_.memory().release(none->cache);
    scheduler_.restart(none->id, none->known());
    scheduler_.pause(none->id, true);
  }
  group.holders = std::move(holders);
}

// `reason`: why beginnings that might go on do not.
void EngineCore::end_beams(BeamGroup& group, FinishReason reason) {
  std::vector<Beams::Beam> best = std::move(group.beams).best(reason);
  for (size_t i = 0; i < group.sequences.size(); ++i) {
    Sequence& sequence = *group.sequences[i];
    if (i >= best.size() || sequence.sink == nullptr) {
      end(sequence, reason, {});
      continue;
    }
    Beams::Beam& beam = best[i];
    sequence.usage.completion_tokens = static_cast<int>(beam.tokens.size());
    sequence.cumulative_logprob = beam.sum;
    {
      const std::lock_guard lock(stats_mutex_);
      stats_.generated_tokens += beam.tokens.size();
    }
    if (beam.ends_with_token) beam.tokens.pop_back();
    if (sequence.request.logprobs) sequence.untold = std::move(beam.tokens);
    end(sequence, *beam.finished, std::move(beam.text));
  }
}

}  // namespace halfbyte
