#include "base/thread_pool.h"

#include <algorithm>

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#endif

#include "base/machine_facts.h"

namespace halfbyte {
namespace {

// Spins before a waiter gives its processor away: about 20 us, longer than any stage's imbalance, shorter than a time slice.
constexpr int kSpins = 4000;
// After this many yields (some 100 us on an idle machine) a pool thread without work goes to sleep.
constexpr int kYields = 200;

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

void pin_to_processor(int index) {
#if defined(__linux__)
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  for (size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed) || index-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);  // a refusal costs speed, nothing else
    return;
  }
#else
  (void)index;
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads)
    : threads_(std::max(1, threads)),
      oversubscribed_(threads_ > processors_available()),
      arrived_(static_cast<size_t>(threads_)),
      done_(static_cast<size_t>(threads_)) {
  for (int t = 1; t < threads_; ++t) workers_.emplace_back([this, t] { serve(t); });
}

ThreadPool::~ThreadPool() {
  stopping_.store(true, std::memory_order_relaxed);
  started_.fetch_add(1, std::memory_order_release);
  started_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::wait_for(const std::atomic<uint64_t>& flag, uint64_t epoch) const {
  int spins = oversubscribed_ ? kSpins : 0;
  while (flag.load(std::memory_order_acquire) < epoch) {
    if (++spins <= kSpins)
      pause();
    else
      std::this_thread::yield();
  }
}

void ThreadPool::run(const std::function<void(int)>& work) {
  if (threads_ == 1) return work(0);
  work_ = &work;
  const uint64_t epoch = started_.fetch_add(1, std::memory_order_release) + 1;
  started_.notify_all();
  work(0);
  for (int t = 1; t < threads_; ++t) wait_for(done_[static_cast<size_t>(t)].epoch, epoch);
}

void ThreadPool::barrier(int thread) {
  if (thread == 0) barriers_.fetch_add(1, std::memory_order_relaxed);
  if (threads_ == 1) return;
  const uint64_t epoch = arrived_[static_cast<size_t>(thread)].epoch.load(std::memory_order_relaxed) + 1;
  arrived_[static_cast<size_t>(thread)].epoch.store(epoch, std::memory_order_release);
  for (const Flag& other : arrived_) wait_for(other.epoch, epoch);
}

void ThreadPool::serve(int thread) {
  if (!oversubscribed_) pin_to_processor(thread);
  for (uint64_t epoch = 1;; ++epoch) {
    int waits = oversubscribed_ ? kSpins : 0;
    while (started_.load(std::memory_order_acquire) < epoch) {
      if (++waits <= kSpins)
        pause();
      else if (waits <= kSpins + kYields)
        std::this_thread::yield();
      else
        started_.wait(epoch - 1, std::memory_order_acquire);
    }
    if (stopping_.load(std::memory_order_relaxed)) return;
    (*work_)(thread);
    done_[static_cast<size_t>(thread)].epoch.store(epoch, std::memory_order_release);
  }
}

}  // namespace halfbyte
