#include "base/thread_pool.h"

#include <algorithm>

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#endif

#include "base/cpu.h"
#include "base/machine_facts.h"

namespace halfbyte {
namespace {

using namespace std::chrono_literals;

// Longer than the threads of a stage differ, far shorter than a time slice.
constexpr Patience::Nanoseconds kSpinAtBarrier = 50us;
// Between runs the caller samples a token and publishes text.
constexpr Patience::Nanoseconds kSpinBetweenRuns = 200us;
// A thread that others wait for so long has most likely lost its processor for a time slice; so often, it should look for another.
constexpr Patience::Nanoseconds kIsLate = 1ms;
constexpr int kTimesLate = 8;

// A refusal costs speed, nothing else.
void keep_to_processors(std::thread& thread, const std::vector<int>& processors) {
#if defined(__linux__)
  cpu_set_t mask;
  CPU_ZERO(&mask);
  for (const int processor : processors) CPU_SET(static_cast<size_t>(processor), &mask);
  pthread_setaffinity_np(thread.native_handle(), sizeof mask, &mask);
#else
  (void)thread, (void)processors;
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads)
    : threads_(std::max(1, threads)),
      is_oversubscribed_(threads_ > processors_available()),
      processors_(allowed_processors()),
      // Under a quota other groups share the processors, and the scheduler knows better which of them are free.
      is_pinned_(!is_oversubscribed_ && processors_available() == static_cast<int>(processors_.size())),
      members_(static_cast<size_t>(threads_)) {
  for (Member& member : members_) member.patience = Patience(is_oversubscribed_ ? 0us : kSpinAtBarrier);
  try {
    for (int t = 1; t < threads_; ++t) {
      workers_.emplace_back([this, t] { serve(t); });
      if (is_pinned_) keep_to_processors(workers_.back(), {processors_[static_cast<size_t>(t)]});
    }
  } catch (...) {  // no memory or no thread: those that have started must end before they are destroyed
    stop();
    throw;
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
  stopping_.store(true, std::memory_order_relaxed);
  started_.publish(started_.epoch() + 1);
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run(const std::function<void(int)>& work) {
  if (threads_ == 1) return work(0);
  work_ = &work;
  const uint32_t epoch = started_.epoch() + 1;
  started_.publish(epoch);
  work(0);
  for (int t = 1; t < threads_; ++t) wait_for_member(t, &Member::done, epoch, 0);
}

void ThreadPool::barrier(int thread) {
  if (thread == 0) barriers_.fetch_add(1, std::memory_order_relaxed);
  if (threads_ == 1) return;
  EpochFlag& own = members_[static_cast<size_t>(thread)].arrived;
  const uint32_t epoch = own.epoch() + 1;
  own.publish(epoch);
  for (int other = 0; other < threads_; ++other)
    if (other != thread) wait_for_member(other, &Member::arrived, epoch, thread);
}

void ThreadPool::wait_for_member(int other, EpochFlag Member::* flag, uint32_t epoch, int thread) {
  Member& awaited = members_[static_cast<size_t>(other)];
  const auto waited = wait_for(awaited.*flag, epoch, members_[static_cast<size_t>(thread)].patience);
  if (waited < kIsLate || other == 0 || !is_pinned_) return;
  if (awaited.times_late.fetch_add(1, std::memory_order_relaxed) + 1 == kTimesLate)
    keep_to_processors(workers_[static_cast<size_t>(other) - 1], processors_);
}

void ThreadPool::serve(int thread) {
  Member& own = members_[static_cast<size_t>(thread)];
  Patience patience(is_oversubscribed_ ? 0us : kSpinBetweenRuns);
  for (uint32_t epoch = 1;; ++epoch) {
    wait_for(started_, epoch, patience);
    if (stopping_.load(std::memory_order_relaxed)) return;
    (*work_)(thread);
    own.done.publish(epoch);
  }
}

}  // namespace halfbyte
