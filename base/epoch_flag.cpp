#include "base/epoch_flag.h"

#include <algorithm>

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#endif

namespace halfbyte {
namespace {

#if defined(__linux__)
static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t) && std::atomic<uint32_t>::is_always_lock_free);

// Not std::atomic's own wait: libstdc++ yields a few times before it sleeps. Beside a busy program each yield gives away a time
// slice of milliseconds; the pool was five to ten times slower for it.
void sleep_while(std::atomic<uint32_t>& word, uint32_t value) { syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0); }
void wake_all(std::atomic<uint32_t>& word) { syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0); }
#else
void sleep_while(std::atomic<uint32_t>& word, uint32_t value) { word.wait(value, std::memory_order_relaxed); }
void wake_all(std::atomic<uint32_t>& word) { word.notify_all(); }
#endif

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

// Half a microsecond to a few: between two looks at the clock, which itself takes some 30 ns.
bool spin(const EpochFlag& flag, uint32_t epoch) {
  constexpr int kPauses = 32;
  for (int i = 0; i < kPauses; ++i) {
    if (flag.has_reached(epoch)) return true;
    pause();
  }
  return false;
}

}  // namespace

void EpochFlag::publish(uint32_t epoch) {
  if (word_.exchange(2 * epoch, std::memory_order_acq_rel) & kIsAwaited) wake_all(word_);
}

void EpochFlag::sleep_until(uint32_t epoch) {
  uint32_t word = word_.load(std::memory_order_acquire);
  while (!is_at(word, epoch)) {
    if ((word & kIsAwaited) == 0 && !word_.compare_exchange_weak(word, word | kIsAwaited, std::memory_order_acquire)) continue;
    sleep_while(word_, word | kIsAwaited);
    word = word_.load(std::memory_order_acquire);
  }
}

void Patience::learn(Nanoseconds waited) { spins_for_ = waited > most_ ? spins_for_ / 2 : std::min(most_, spins_for_ + most_ / 16); }

std::chrono::nanoseconds wait_for(EpochFlag& flag, uint32_t epoch, Patience& patience) {
  using Clock = std::chrono::steady_clock;
  if (spin(flag, epoch)) return std::chrono::nanoseconds::zero();
  const auto begin = Clock::now();
  bool is_over = false;
  while (!is_over && Clock::now() - begin < patience.spins_for()) is_over = spin(flag, epoch);
  if (!is_over) flag.sleep_until(epoch);
  const std::chrono::nanoseconds waited = Clock::now() - begin;
  patience.learn(waited);
  return waited;
}

}  // namespace halfbyte
