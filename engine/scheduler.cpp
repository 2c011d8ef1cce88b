#include "engine/scheduler.h"

#include <algorithm>

namespace halfbyte {

Scheduler::Entry* Scheduler::find(SequenceId id) {
  for (Entry& e : running_)
    if (e.id == id) return &e;
  for (Entry& e : waiting_)
    if (e.id == id) return &e;
  return nullptr;
}

bool Scheduler::add(SequenceId id, int prompt_tokens, int pages) {
  if (waiting() >= limits_.queue) return false;
  waiting_.push_back({.id = id, .known = prompt_tokens, .pages = pages});
  return true;
}

void Scheduler::remove(SequenceId id) {
  for (const Entry& e : running_)
    if (e.id == id) reserved_ -= e.pages;
  std::erase_if(running_, [&](const Entry& e) { return e.id == id; });
  std::erase_if(waiting_, [&](const Entry& e) { return e.id == id; });
}

void Scheduler::append(SequenceId id) {
  if (Entry* e = find(id)) ++e->known;
}

void Scheduler::pause(SequenceId id, bool is_paused) {
  if (Entry* e = find(id)) e->is_paused = is_paused;
}

void Scheduler::admit() {
  while (!waiting_.empty() && reserved_ + waiting_.front().pages <= limits_.pages) {
    running_.push_back(waiting_.front());
    reserved_ += waiting_.front().pages;
    waiting_.pop_front();
  }
}

std::vector<Slice> Scheduler::plan() {
  admit();
  std::vector<Slice> plan;
  int left = limits_.step_tokens;
  for (const bool decodes : {true, false})
    for (const Entry& e : running_) {
      const int pending = e.known - e.computed;
      if (e.is_paused || pending == 0 || (pending == 1) != decodes || left == 0) continue;
      const int count = std::min(pending, left);
      plan.push_back({.sequence = e.id, .first = e.computed, .count = count});
      left -= count;
    }
  return plan;
}

void Scheduler::advance(const std::vector<Slice>& plan) {
  for (const Slice& slice : plan)
    if (Entry* e = find(slice.sequence)) e->computed = slice.first + slice.count;
}

}  // namespace halfbyte
