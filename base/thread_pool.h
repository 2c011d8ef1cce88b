// The threads of one engine. All of them run the same function side by side and meet at flag barriers: the token path's only
// synchronisation. Waiting spins first (a stage lasts microseconds), then yields, then sleeps.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace halfbyte {

// Not thread-safe: one caller at a time. The caller works as thread 0 and is never pinned; threads 1.. are pinned to processors
// of the allowed mask when there are enough of them.
class ThreadPool {
 public:
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }
  // Runs work(thread) on every thread; returns when all have returned. `work` must not throw.
  void run(const std::function<void(int thread)>& work);
  // Only inside run(): returns when every thread has called it as often as this one. Writes before it are visible after it.
  void barrier(int thread);
  // Barriers passed since construction.
  uint64_t barriers() const { return barriers_.load(std::memory_order_relaxed); }

 private:
  struct alignas(64) Flag {  // a line of its own, so that publishing one does not slow readers of another
    std::atomic<uint64_t> epoch{0};
  };
  void serve(int thread);
  void wait_for(const std::atomic<uint64_t>& flag, uint64_t epoch) const;

  int threads_;
  bool oversubscribed_;
  std::vector<Flag> arrived_;  // barrier epochs, one per thread
  std::vector<Flag> done_;     // run epochs, one per thread
  alignas(64) std::atomic<uint64_t> started_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> barriers_{0};
  const std::function<void(int)>* work_ = nullptr;
  std::vector<std::thread> workers_;
};

}  // namespace halfbyte
