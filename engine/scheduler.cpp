#include "engine/scheduler.h"

#include <algorithm>

namespace halfbyte {
namespace {

int pages_for(int tokens) { return (tokens + Scheduler::kPageTokens - 1) / Scheduler::kPageTokens; }

}  // namespace

bool Scheduler::is_before(const Entry& a, const Entry& b) {
  return a.rank.priority != b.rank.priority ? a.rank.priority > b.rank.priority : a.arrival < b.arrival;
}

Scheduler::Entry* Scheduler::find(SequenceId id) {
  for (auto* entries : {&running_, &waiting_})
    for (Entry& e : *entries)
      if (e.id == id) return &e;
  return nullptr;
}

void Scheduler::add(SequenceId id, int tokens, Rank rank) {
  if (!served_.contains(rank.principal)) {
    uint64_t least = 0;
    if (!served_.empty()) least = std::ranges::min_element(served_, {}, [](const auto& p) { return p.second; })->second;
    served_.emplace(rank.principal, least);
  }
  waiting_.push_back({.id = id, .rank = std::move(rank), .arrival = ++arrivals_, .known = tokens});
}

void Scheduler::remove(SequenceId id) {
  const Entry* gone = find(id);
  if (gone == nullptr) return;
  const std::string principal = gone->rank.principal;
  for (auto* entries : {&running_, &waiting_}) std::erase_if(*entries, [&](const Entry& e) { return e.id == id; });
  for (const auto* entries : {&running_, &waiting_})
    for (const Entry& e : *entries)
      if (e.rank.principal == principal) return;
  served_.erase(principal);
}

void Scheduler::append(SequenceId id, int count) {
  if (Entry* e = find(id)) e->known += count;
}

void Scheduler::restart(SequenceId id, int tokens) {
  Entry* e = find(id);
  if (e == nullptr) return;
  e->known = tokens;
  e->computed = e->drafted = 0;
}

void Scheduler::pause(SequenceId id, bool is_paused) {
  if (Entry* e = find(id)) e->is_paused = is_paused;
}

void Scheduler::draft(SequenceId id, int count) {
  if (Entry* e = find(id)) e->drafted = count;
}

bool Scheduler::has_work() const {
  return std::ranges::any_of(running_, &Entry::has_work) || std::ranges::any_of(waiting_, &Entry::has_work);
}

int Scheduler::decoding() const { return static_cast<int>(std::ranges::count_if(running_, &Entry::decodes)); }

const Scheduler::Entry* Scheduler::next_waiting() const {
  const Entry* next = nullptr;
  const auto goes_before = [&](const Entry& a, const Entry& b) {
    if (a.rank.priority != b.rank.priority) return a.rank.priority > b.rank.priority;
    const uint64_t of_a = served_.at(a.rank.principal), of_b = served_.at(b.rank.principal);
    return of_a != of_b ? of_a < of_b : a.arrival < b.arrival;
  };
  for (const Entry& e : waiting_)
    if (e.has_work() && (next == nullptr || goes_before(e, *next))) next = &e;
  return next;
}

// Those whose readers are slow hold pages without using them: they go before all others.
std::optional<size_t> Scheduler::last_in_order() const {
  for (const bool is_paused : {true, false})
    for (size_t i = running_.size(); i-- > 0;)
      if (running_[i].computed > 0 && running_[i].is_paused == is_paused) return i;
  return std::nullopt;
}

Plan Scheduler::preempt_last() {
  const auto last = last_in_order();
  if (!last) return {};
  Entry entry = std::move(running_[*last]);
  running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(*last));
  entry.computed = 0;
  entry.drafted = 0;
  const SequenceId id = entry.id;
  waiting_.insert(std::ranges::upper_bound(waiting_, entry.arrival, {}, &Entry::arrival), std::move(entry));
  return {.preempted = id};
}

Plan Scheduler::plan(const StepRoom& room) {
  Plan plan;
  int tokens = room.tokens, pages = room.pages;
  // What running sequences need beyond this step: nobody starts on pages that they will take next.
  int promised = 0;
  const auto take = [&](const Entry& e, int count) {
    const int needed = pages_for(e.computed + count) - pages_for(e.computed);
    plan.slices.push_back({.sequence = e.id, .first = e.computed, .count = count});
    tokens -= count;
    pages -= needed;
    promised += std::max(0, pages_for(e.known + 1) - pages_for(e.computed + count));
  };
  // Tokens for which the pages suffice.
  const auto fits = [&](const Entry& e) { return (pages + pages_for(e.computed)) * kPageTokens - e.computed; };

  int others = decoding();  // that are to have a token each
  for (const Entry& e : running_) {
    if (!e.decodes() || tokens == 0) continue;
    if (fits(e) == 0) return preempt_last();
    --others;
    take(e, 1 + std::clamp(std::min(tokens - others, fits(e)) - 1, 0, e.drafted));
  }
  if (!plan.slices.empty()) tokens = std::min(tokens, room.prompt_tokens);
  for (const Entry& e : running_) {
    if (!e.has_work() || e.decodes() || tokens == 0) continue;
    if (const int count = std::min({e.known - e.computed, tokens, fits(e)}); count > 0) take(e, count);
  }

  const Entry* next = next_waiting();
  if (next != nullptr && tokens > 0) {
    // A page to grow for each of those that run, lest the newcomer is stopped at once.
    const auto active = std::ranges::count_if(running_, &Entry::has_work);
    const auto needed = active > 0 ? pages_for(next->known + 1) + promised + active : pages_for(next->known);
    if (running_.empty() || needed <= pages) return {.admitted = next->id};
    if (const auto last = last_in_order(); last && running_[*last].rank.priority < next->rank.priority) return preempt_last();
  }
  if (plan.slices.empty() && has_work()) return preempt_last();
  return plan;
}

void Scheduler::admit(SequenceId id, int computed) {
  const auto found = std::ranges::find(waiting_, id, &Entry::id);
  Entry entry = std::move(*found);
  waiting_.erase(found);
  entry.computed = computed;
  running_.insert(std::ranges::upper_bound(running_, entry, is_before), std::move(entry));
}

void Scheduler::skip(SequenceId id, int computed) {
  if (Entry* e = find(id)) e->computed = computed;
}

void Scheduler::advance(const std::vector<Slice>& slices) {
  for (const Slice& slice : slices) {
    Entry* e = find(slice.sequence);
    if (e == nullptr) continue;
    e->computed = slice.first + slice.count;
    e->drafted = 0;
    served_[e->rank.principal] += static_cast<uint64_t>(slice.count);
  }
}

}  // namespace halfbyte
