#include "base/bandwidth.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>

#include "base/buffer.h"
#include "base/errors.h"

namespace halfbyte {
namespace {

constexpr size_t kPart = size_t{1} << 20;

// Eight independent chains of 16 bytes: enough loads in flight that the adds hide behind the memory.
uint64_t sum_words(const std::byte* data, size_t bytes) {
  using Words = uint64_t __attribute__((vector_size(16)));
  Words sums[8] = {};
  for (const std::byte* p = data; p < data + bytes; p += sizeof sums) {
#pragma GCC unroll 8
    for (size_t i = 0; i < 8; ++i) {
      Words words;
      std::memcpy(&words, p + i * sizeof words, sizeof words);
      sums[i] += words;
    }
  }
  uint64_t sum = 0;
  for (const Words& words : sums) sum += words[0] + words[1];
  return sum;
}

}  // namespace

Result<double> measure_read_bandwidth(ThreadPool& pool, size_t bytes, int passes, const std::stop_token& stop) {
  const auto threads = static_cast<size_t>(pool.threads());
  const size_t each = std::max(kPart, bytes / threads / kPart * kPart);
  HB_TRY_ASSIGN(memory, Buffer::allocate(each * threads));
  const auto each_own_part = [&](int thread, auto&& work) {
    std::byte* const own = memory.data() + static_cast<size_t>(thread) * each;
    for (std::byte* part = own; part < own + each && !stop.stop_requested(); part += kPart) work(part);
  };
  // Written by the thread that will read it: pages come from that thread's own memory node, and are not the shared zero page.
  pool.run([&](int thread) { each_own_part(thread, [](std::byte* part) { std::memset(part, 1, kPart); }); });

  std::atomic<uint64_t> sum{0};  // keeps the reads
  double best = 0;
  for (int pass = 0; pass < passes; ++pass) {
    const auto start = std::chrono::steady_clock::now();
    pool.run([&](int thread) {
      uint64_t own_sum = 0;
      each_own_part(thread, [&](const std::byte* part) { own_sum += sum_words(part, kPart); });
      sum += own_sum;
    });
    if (stop.stop_requested()) return busy("read bandwidth: stopped");
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::max(best, static_cast<double>(each * threads) / seconds.count());
  }
  return best;
}

}  // namespace halfbyte
