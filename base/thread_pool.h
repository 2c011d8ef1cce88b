// The threads of one engine. All of them run the same function side by side and meet at flag barriers: the token path's only
// synchronisation. Waiting spins for some microseconds (a stage lasts as long), then sleeps (base/epoch_flag.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "base/epoch_flag.h"

namespace halfbyte {

// Not thread-safe: one caller at a time. The caller works as thread 0 and is never pinned; threads 1.. are pinned to processors
// of the allowed mask, until other programs keep one from its processor. In a control group with a quota none is pinned. Where there
// are more threads than processors_available(), none is either, and waiters sleep at once.
class ThreadPool {
 public:
  explicit ThreadPool(int threads);  // Requires: at least 1
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }
  // Runs work(thread) on every thread; returns when all have returned. Requires: `work` does not throw and does not call run().
  void run(const std::function<void(int thread)>& work);
  // Returns when every thread has called it as often as this one. Writes before it are visible after it.
  // Requires: inside run(), by the thread of this number; every thread of the pool calls it as often.
  void barrier(int thread);
  // Barriers passed since construction.
  uint64_t barriers() const { return barriers_.load(std::memory_order_relaxed); }

 private:
  struct Member {
    EpochFlag arrived;  // at how many barriers
    EpochFlag done;     // with how many runs
    Patience patience;  // of this thread, at barriers
    // How often others waited for it as long as for a thread without a processor. After some times it is no longer pinned.
    std::atomic<int> times_late{0};
  };
  void serve(int thread);
  void stop();
  void wait_for_member(int other, EpochFlag Member::* flag, uint32_t epoch, int thread);

  int threads_;
  bool is_oversubscribed_;
  std::vector<int> processors_;  // allowed at construction
  bool is_pinned_;               // threads 1.. were, at construction
  std::vector<Member> members_;
  EpochFlag started_;  // how many runs; of the caller
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> barriers_{0};
  const std::function<void(int)>* work_ = nullptr;
  std::vector<std::thread> workers_;
};

}  // namespace halfbyte
