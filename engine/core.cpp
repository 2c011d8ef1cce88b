#include "engine/core.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/errors.h"

namespace halfbyte {
namespace {

constexpr int kModelMatch = 4;  // a draft model is believed, at first, as a match of so many tokens is

double seconds(std::chrono::steady_clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

using Milliseconds = std::chrono::duration<double, std::milli>;

EngineCore::EngineCore(const Model& model, Runner runner, const CoreLimits& limits, const World& world,
                       std::unique_ptr<DraftModel> draft_model, std::optional<PrefixStore> prefixes)
    : model_(model), runner_(std::move(runner)), draft_model_(std::move(draft_model)), limits_(limits), world_(world) {
  if (prefixes) prefixes_.keep_in(std::move(*prefixes));
  stats_.pages = stats_.free_pages = runner_.memory().free_pages();
}

int EngineCore::turn(std::vector<Message> messages) {
  try {
    now_ = world_.now();
    take(messages);
    obey_deadlines();
    bury();
    step();
  } catch (const std::bad_alloc&) {  // whose memory it was cannot be said
    fail_all(messages);
  }
  bury();
  const std::lock_guard lock(stats_mutex_);
  stats_.running = scheduler_.running();
  stats_.waiting = scheduler_.waiting();
  stats_.free_pages = runner_.memory().free_pages();
  return std::exchange(buried_, 0);
}

EngineStats EngineCore::stats() const {
  const std::lock_guard lock(stats_mutex_);
  return stats_;
}

int EngineCore::close(std::vector<Message> messages) {
  now_ = world_.now();
  try {
    take(messages);  // who submitted gets a last event
  } catch (const std::bad_alloc&) {
    fail_all(messages);
  }
  for (auto& [id, sequence] : sequences_) end(*sequence, FinishReason::kCancelled, {});
  bury();
  try {
    while (prefixes_.has_unsaved()) prefixes_.save_one(runner_.memory());
  } catch (const std::bad_alloc&) {  // then not
  }
  return std::exchange(buried_, 0);
}

void EngineCore::take(std::vector<Message>& messages) {
  for (Message& message : messages) {
    if (message.kind == Message::Kind::kCall) {
      std::exchange(message.call, {})();
      continue;
    }
    if (message.kind == Message::Kind::kSubmit) {
      Sequence& sequence = *sequences_.try_emplace(message.id, std::move(message.sequence)).first->second;
      if (sequence.choice == 0 || sequence.beam_group != nullptr) {
        start(sequence);
        scheduler_.pause(sequence.id, sequence.choice > 0);  // until it holds a beam
      } else
        sequences_.at(sequence.request_id)->followers.push_back(sequence.id);
      continue;
    }
    for (const auto& [id, sequence] : sequences_) {  // those that have not ended meanwhile
      if (sequence->request_id != message.id) continue;
      if (message.kind == Message::Kind::kCancel)
        end(*sequence, FinishReason::kCancelled, {});
      else if (sequence->beam_group == nullptr)
        scheduler_.pause(id, false);
    }
  }
}

void EngineCore::start(const Sequence& sequence) {
  scheduler_.add(sequence.id, sequence.known(), {sequence.request.priority, sequence.request.principal});
}

// The other choices find the first one's prompt in the prefix cache.
void EngineCore::start_followers(Sequence& first) {
  for (const SequenceId id : std::exchange(first.followers, {}))
    if (const auto found = sequences_.find(id); found != sequences_.end() && !found->second->has_ended) start(*found->second);
}

std::optional<std::chrono::steady_clock::time_point> EngineCore::next_deadline() const {
  std::optional<std::chrono::steady_clock::time_point> next;
  for (const auto& [id, sequence] : sequences_)
    if (sequence->deadline && (!next || *sequence->deadline < *next)) next = sequence->deadline;
  return next;
}

void EngineCore::obey_deadlines() {
  for (const auto& [id, sequence] : sequences_) {
    if (!sequence->deadline || *sequence->deadline > now_ || sequence->has_ended) continue;
    if (sequence->beam_group != nullptr)
      end_beams(*sequence->beam_group, FinishReason::kTimeout);
    else
      end(*sequence, FinishReason::kTimeout, sequence->remainder());
  }
}

void EngineCore::fail_all(std::vector<Message>& messages) {
  for (auto& [id, sequence] : sequences_) end(*sequence, FinishReason::kFailed, {}, out_of_memory());
  for (Message& message : messages) {
    if (message.call) std::exchange(message.call, {})();  // somebody waits for it
    if (message.sequence == nullptr) continue;            // a word about one of those, or taken
    end(*message.sequence, FinishReason::kFailed, {}, out_of_memory());
    ++buried_;
  }
}

// Lets the sequences that decode check guesses, as many as pay.
void EngineCore::guess() {
  if (!limits_.speculates || runner_.memory().has_slabs()) return;
  int others = scheduler_.decoding() - 1;  // tokens in the step beside a sequence's own, guesses among them
  std::vector<Sequence*> without;
  for (const auto& [id, owned] : sequences_) {
    Sequence& sequence = *owned;
    if (sequence.is_given() || sequence.beam_group != nullptr || sequence.cache.length != sequence.known() - 1) continue;
    const int most = sequence.most_guesses();
    sequence.draft = sequence.drafter.draft(sequence.tokens, most);
    if (!sequence.draft.tokens.empty()) {
      const int best = sequence.draft_length.best(sequence.draft.match, others, [&](int tokens) { return step_times_.decode_ms(tokens); });
      sequence.draft.tokens.resize(static_cast<size_t>(std::min(best, most)));
    }
    const bool can_be_taken_back = !sequence.request.sampling.mirostat && !sequence.request.sampling.adaptive_target;  // Sampler::rewind
    if (sequence.draft.tokens.empty() && most > 0 && can_be_taken_back) without.push_back(&sequence);
    const int guesses = static_cast<int>(sequence.draft.tokens.size());
    scheduler_.draft(id, guesses);
    others += guesses;
  }
  if (draft_model_ != nullptr && !without.empty()) ask_draft_model(without, others);
}

void EngineCore::ask_draft_model(std::span<Sequence* const> sequences, int others) {
  std::vector<DraftAsk> asks;
  for (Sequence* sequence : sequences) {
    const int best = sequence->model_draft_length.best(
        kModelMatch, others, [&](int tokens) { return step_times_.decode_ms(tokens); }, draft_model_->ms_per_guess());
    sequence->draft = {};
    if (best > 0)
      asks.push_back({.id = sequence->id,
                      .tokens = sequence->tokens,
                      .dropped = static_cast<uint64_t>(sequence->usage.dropped_tokens),
                      .sampler = &sequence->sampler,
                      .count = std::min(best, sequence->most_guesses()),
                      .guess = &sequence->draft.tokens});
  }
  draft_model_->guess(asks);
  const int vocabulary = model_.formula->dims().vocabulary;
  for (const DraftAsk& ask : asks) {
    ask.guess->erase(std::ranges::find_if(*ask.guess, [&](Token token) { return token >= vocabulary; }), ask.guess->end());
    scheduler_.draft(ask.id, static_cast<int>(ask.guess->size()));
  }
}

// Takes over what is known of a sequence's tokens, but for those whose logits are wanted. Returns how many tokens it has in the cache.
int EngineCore::extend(Sequence& sequence) {
  if (!limits_.prefix_cache) return sequence.cache.length;
  const auto given = std::span(sequence.tokens).first(static_cast<size_t>(sequence.first_wanted()));
  const int found = prefixes_.extend(runner_.memory(), sequence.cache, sequence.prefix_owner, given);
  if (sequence.answered || found == 0) return sequence.cache.length;  // computed once before
  sequence.usage.cached_tokens += found;
  const std::lock_guard lock(stats_mutex_);
  stats_.cached_tokens += static_cast<uint64_t>(found);
  return sequence.cache.length;
}

// What the next step computes, once room is made for it.
std::vector<Slice> EngineCore::planned() {
  guess();
  for (const auto& [id, sequence] : sequences_)  // what another has computed meanwhile
    if (sequence->cache.length > 0 && sequence->cache.length < sequence->first_wanted()) scheduler_.skip(id, extend(*sequence));
  for (;;) {
    Plan plan =
        scheduler_.plan({.tokens = limits_.step_tokens,
                         .prompt_tokens = step_times_.prompt_tokens(limits_.latency_target_ms, scheduler_.decoding(), limits_.step_tokens),
                         .pages = runner_.memory().free_pages()});
    if (plan.preempted) {
      Sequence& sequence = *sequences_.at(*plan.preempted);
      runner_.memory().release(sequence.cache);
      if (!sequence.answered) sequence.usage.cached_tokens = 0;
      const std::lock_guard lock(stats_mutex_);
      ++stats_.preemptions;
    } else if (plan.admitted)
      scheduler_.admit(*plan.admitted, extend(*sequences_.at(*plan.admitted)));
    else
      return std::move(plan.slices);
  }
}

void EngineCore::step() {
  std::vector<Slice> plan = planned();
  if (plan.empty()) {  // time for what nobody waits for
    if (prefixes_.has_unsaved()) prefixes_.save_one(runner_.memory());
    return;
  }
  std::vector<SliceTokens> slices;
  std::vector<Constraint*> constraints;  // of those that choose a token
  int prompt_tokens = 0, decode_tokens = 0;
  for (const Slice& slice : plan) {
    Sequence& sequence = *sequences_.at(slice.sequence);
    if (!sequence.started) {
      sequence.started = now_;
      const std::lock_guard lock(stats_mutex_);
      stats_.prompt_tokens += sequence.request.prompt.size();
      stats_.queue.add(seconds(now_ - sequence.submitted));
    }
    const bool decodes = slice.first == sequence.known() - 1;
    (decodes ? decode_tokens : prompt_tokens) += slice.count;
    std::span<const Token> tokens = std::span(sequence.tokens).subspan(static_cast<size_t>(slice.first));
    sequence.draft.tokens.resize(decodes ? static_cast<size_t>(slice.count - 1) : 0);
    if (!sequence.draft.tokens.empty()) {
      sequence.ahead.assign(1, sequence.tokens.back());
      sequence.ahead.insert(sequence.ahead.end(), sequence.draft.tokens.begin(), sequence.draft.tokens.end());
      tokens = sequence.ahead;
    }
    slices.push_back({.sequence = &sequence.cache,
                      .tokens = tokens.first(static_cast<size_t>(slice.count)),
                      .first_wanted = static_cast<size_t>(std::clamp(sequence.first_wanted() - slice.first, 0, slice.count)),
                      .need = sequence.need(),
                      .adapters = sequence.adapters});
    if (sequence.constraint != nullptr && slices.back().first_wanted < static_cast<size_t>(slice.count))
      constraints.push_back(sequence.constraint.get());
  }
  const bool has_room = std::ranges::all_of(
      slices, [&](const SliceTokens& s) { return runner_.memory().reserve(*s.sequence, static_cast<int>(s.tokens.size())); });
  // The step's threads all wait for this: it chooses, and nothing more.
  if (has_room) {
    runner_.share_out(constraints.size(), [&](size_t i) { constraints[i]->look_ahead(); });
    runner_.run(slices, [&](size_t slice, size_t token, const Logits& logits) {
      sequences_.at(plan[slice].sequence)->look(logits, static_cast<size_t>(plan[slice].first) + token);
    });
  }
  const auto began = std::exchange(now_, world_.now());
  const auto traced = trace(plan, began);
  if (has_room) {
    for (Slice& slice : plan) slice.count = settle(*sequences_.at(slice.sequence), slice);
    scheduler_.advance(plan);
    record(plan, now_ - began);
  }
  step_times_.add(decode_tokens, prompt_tokens, Milliseconds(now_ - began).count());
  for (const Slice& slice : plan) {
    Sequence& sequence = *sequences_.at(slice.sequence);
    if (!has_room) {  // the plan counted wrongly
      fail(sequence, busy("cache: all pages are in use"));
      continue;
    }
    try {
      publish(sequence);
    } catch (const std::bad_alloc&) {
      fail(sequence, out_of_memory());
    }
  }
  if (traced) runner_.trace()->span("publish", *traced, world_.now(), "{}");
}

// When it had been written, which takes a while; nothing: there is no trace.
std::optional<Trace::Time> EngineCore::trace(const std::vector<Slice>& plan, Trace::Time began) {
  Trace* const trace = runner_.trace();
  if (trace == nullptr) return {};
  trace->flush();
  JsonWriter json;
  int tokens = 0;
  json.begin_object().key("slices").begin_array();
  for (const Slice& slice : plan) {
    tokens += slice.count;
    json.begin_object().member("request", slice.sequence).member("first", slice.first).member("tokens", slice.count).end_object();
  }
  trace->span("step", began, now_, json.end_array().member("tokens", tokens).end_object().take());
  const auto value = [](std::string_view name, int number) { return fmt::format("{{\"{}\":{}}}", name, number); };
  trace->values("running", began, value("sequences", scheduler_.running()));
  trace->values("waiting", began, value("sequences", scheduler_.waiting()));
  trace->values("free", began, value("pages", runner_.memory().free_pages()));
  return world_.now();
}

// Takes wrong guesses back. Returns how many tokens of the slice remain computed.
int EngineCore::settle(Sequence& sequence, const Slice& slice) {
  const int drafted = static_cast<int>(sequence.draft.tokens.size());
  int kept = slice.count;
  if (drafted > 0) {
    kept = std::max(1, static_cast<int>(sequence.chosen.size()));
    if (sequence.draft.match > 0)
      sequence.draft_length.add(sequence.draft.match, drafted, kept - 1);
    else
      sequence.model_draft_length.add(kModelMatch, drafted, kept - 1);
    sequence.usage.drafted_tokens += drafted;
    sequence.usage.accepted_tokens += kept - 1;
    {
      const std::lock_guard lock(stats_mutex_);
      stats_.tokens += static_cast<uint64_t>(slice.count - kept);
      stats_.drafted_tokens += static_cast<uint64_t>(drafted);
      stats_.accepted_tokens += static_cast<uint64_t>(kept - 1);
    }
    runner_.memory().rewind(sequence.cache, slice.first + kept);
    sequence.draft.tokens.clear();
  }
  if (limits_.prefix_cache)
    prefixes_.commit(runner_.memory(), sequence.cache, sequence.prefix_owner, sequence.tokens);
  else
    runner_.memory().commit(sequence.cache);
  return kept;
}

// Before the sinks are called: who has seen a token finds it counted.
void EngineCore::record(const std::vector<Slice>& plan, std::chrono::steady_clock::duration took) {
  const std::lock_guard lock(stats_mutex_);
  ++stats_.steps;
  stats_.step.add(seconds(took));
  for (const Slice& slice : plan) {
    stats_.tokens += static_cast<uint64_t>(slice.count);
    Sequence& sequence = *sequences_.at(slice.sequence);
    if (!sequence.answered && sequence.has_looked) sequence.answered = now_;
    if (sequence.chosen.empty()) continue;
    stats_.generated_tokens += sequence.chosen.size();
    for (size_t i = 1; i < sequence.chosen.size(); ++i) stats_.inter_token.add(0);  // guessed: they come together
    if (sequence.latest) {
      const double gap = seconds(now_ - *sequence.latest);
      stats_.inter_token.add(gap);
      sequence.usage.inter_token_ms = std::max(sequence.usage.inter_token_ms, gap * 1e3);
    } else
      stats_.first_token.add(seconds(now_ - sequence.submitted));
    sequence.latest = now_;
  }
}

// What of the text may leave after a step.
void EngineCore::publish(Sequence& sequence) {
  if (sequence.failure) return fail(sequence, Error(*sequence.failure));
  if (sequence.is_given()) {
    if (sequence.cache.length == sequence.known()) end(sequence, FinishReason::kEnd, {});
    return;
  }
  if (sequence.beam_group != nullptr) return advance_beams(sequence);
  if (sequence.chosen.empty()) return;
  std::string text;
  const size_t known = sequence.tokens.size();
  if (const auto reason = sequence.extend_reply(text)) return end(sequence, *reason, std::move(text));
  start_followers(sequence);
  if (sequence.is_full() && sequence.request.keep_tokens) {
    sequence.slide(sequence.context_tokens / 2);
    runner_.memory().release(sequence.cache);
    scheduler_.restart(sequence.id, sequence.known());
  } else
    scheduler_.append(sequence.id, static_cast<int>(sequence.tokens.size() - known));
  if (text.empty()) return;
  const SinkAnswer answer = sequence.sink({.choice = sequence.choice,
                                           .text = std::move(text),
                                           .tokens = std::exchange(sequence.untold, {}),
                                           .prompt_tokens = std::exchange(sequence.untold_prompt, {})});
  if (answer == SinkAnswer::kStop) return end(sequence, FinishReason::kCancelled, {});
  if (answer == SinkAnswer::kPause) scheduler_.pause(sequence.id, true);
}

void EngineCore::fail(Sequence& sequence, const Error& error) {
  if (sequence.beam_group == nullptr) return end(sequence, FinishReason::kFailed, {}, error);
  for (Sequence* each : sequence.beam_group->sequences) end(*each, FinishReason::kFailed, {}, error);
}

// The last event. The sequence itself goes with bury().
void EngineCore::end(Sequence& sequence, FinishReason reason, std::string text, std::optional<Error> error) {
  if (sequence.has_ended) return;
  sequence.has_ended = true;
  if (sequence.sink == nullptr) return;  // a beam more than choices
  sequence.usage.prompt_tokens = static_cast<int>(sequence.request.prompt.size());
  sequence.usage.queued_ms = Milliseconds(sequence.started.value_or(now_) - sequence.submitted).count();
  if (sequence.started) sequence.usage.prompt_ms = Milliseconds(sequence.answered.value_or(now_) - *sequence.started).count();
  if (sequence.answered) sequence.usage.generation_ms = Milliseconds(now_ - *sequence.answered).count();
  {
    const std::lock_guard lock(stats_mutex_);
    ++stats_.requests;
    if (error) ++stats_.failed;
    stats_.request.add(seconds(now_ - sequence.submitted));
  }
  std::string warning;
  try {
    warning = runner_.warning();
    if (Trace* const trace = runner_.trace()) {
      const auto started = sequence.started.value_or(now_), answered = sequence.answered.value_or(now_);
      trace->row_span("request", sequence.id, "queue", sequence.submitted, started);
      trace->row_span("request", sequence.id, "prompt", started, answered);
      trace->row_span("request", sequence.id, "generation", answered, now_);
    }
  } catch (const std::bad_alloc&) {  // the last event must arrive all the same
    warning.clear();
  }
  sequence.sink({.choice = sequence.choice,
                 .text = std::move(text),
                 .tokens = std::exchange(sequence.untold, {}),
                 .prompt_tokens = std::exchange(sequence.untold_prompt, {}),
                 .finished = reason,
                 .usage = sequence.usage,
                 .error = std::move(error),
                 .cumulative_logprob = sequence.request.logprobs || sequence.beam_group != nullptr
                                           ? std::optional(sequence.cumulative_logprob)
                                           : std::nullopt,
                 .warning = std::move(warning)});
}

void EngineCore::bury() {
  for (auto it = sequences_.begin(); it != sequences_.end();) {
    if (!it->second->has_ended) {
      ++it;
      continue;
    }
    start_followers(*it->second);
    runner_.memory().release(it->second->cache);
    if (draft_model_ != nullptr) draft_model_->forget(it->first);
    scheduler_.remove(it->first);
    it = sequences_.erase(it);
    ++buried_;
  }
}

}  // namespace halfbyte
