// What barriers are made of: a count that one thread moves on and others wait for, and how long a waiter spins before it sleeps.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace halfbyte {

// Epochs count modulo 2^31. Requires: one that is waited for is less than 2^30 ahead.
class alignas(64) EpochFlag {  // a line of its own, so that publishing one does not slow readers of another
 public:
  // The last one published. Requires, as publish() does: one thread alone calls it.
  uint32_t epoch() const { return word_.load(std::memory_order_relaxed) >> 1; }
  // One atomic exchange; a system call only where somebody sleeps. What was written before is visible to whoever sees the epoch.
  void publish(uint32_t epoch);
  bool has_reached(uint32_t epoch) const { return is_at(word_.load(std::memory_order_acquire), epoch); }
  void sleep_until(uint32_t epoch);  // returns at once where it has been reached

 private:
  static bool is_at(uint32_t word, uint32_t epoch) { return static_cast<int32_t>((word & ~kIsAwaited) - 2 * epoch) >= 0; }

  // Twice the epoch, plus one while somebody sleeps. As both are one word, publishing and going to sleep cannot miss each other.
  static constexpr uint32_t kIsAwaited = 1;
  std::atomic<uint32_t> word_{0};
};

// How long a thread spins before it sleeps: longer while what it waits for comes soon, ever shorter while that thread is kept
// from its processor, when spinning only takes time from it.
class Patience {
 public:
  using Nanoseconds = std::chrono::nanoseconds;

  explicit Patience(Nanoseconds most = {}) : most_(most), spins_for_(most) {}
  Nanoseconds spins_for() const { return spins_for_; }
  void learn(Nanoseconds waited);  // how long it was in the end, asleep or not

 private:
  Nanoseconds most_, spins_for_;
};

// Waits, spinning as long as `patience` says, which learns from it. About how long that was; zero where it was too short to time.
std::chrono::nanoseconds wait_for(EpochFlag& flag, uint32_t epoch, Patience& patience);

}  // namespace halfbyte
