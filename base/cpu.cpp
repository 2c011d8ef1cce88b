#include "base/cpu.h"

#include <sched.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <iterator>
#include <numeric>
#include <thread>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace halfbyte {
namespace {

#if defined(__x86_64__)

bool has_in_leaf_7_1(unsigned bit) {  // of EAX; the compiler's own test does not know AVX-VNNI yet
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & (1u << bit)) != 0;
}

// Whether VDPBF16PS is two fused additions, the odd product first, with subnormal numbers as 0 (Intel SDM): the other sets compute its
// bits that way. Another order, one rounding for both or a kept subnormal gives one of these lanes another sum.
__attribute__((target("avx512f,avx512bf16"))) bool adds_pairs_as_documented() {
  struct Lane {
    float sum, even[2], odd[2], expected;  // each product of two
  };
  static constexpr Lane kLanes[] = {
      {1.0F, {0x1.02p-24F, 1.0F}, {0x1p-24F, 1.0F}, 0x1.000002p0F},
      {1.0F, {0x1p-24F, 1.0F}, {0x1p-24F, 1.0F}, 1.0F},
      {0x1p-126F, {0.0F, 0.0F}, {-0x1p-64F, 0x1p-63F}, 0.0F},
      {0x1p-126F, {0x1p-127F, 1.0F}, {0.0F, 0.0F}, 0x1p-126F},
  };
  float sums[16] = {}, expected[16] = {};
  uint32_t a[16] = {}, b[16] = {};
  const auto pair = [](float even, float odd) {
    return std::bit_cast<uint32_t>(even) >> 16 | (std::bit_cast<uint32_t>(odd) & 0xffff0000U);
  };
  for (size_t i = 0; i < std::size(kLanes); ++i) {
    const Lane& lane = kLanes[i];
    sums[i] = lane.sum;
    expected[i] = lane.expected;
    a[i] = pair(lane.even[0], lane.odd[0]);
    b[i] = pair(lane.even[1], lane.odd[1]);
  }
  const __m512bh first = reinterpret_cast<__m512bh>(_mm512_loadu_si512(a)), second = reinterpret_cast<__m512bh>(_mm512_loadu_si512(b));
  _mm512_storeu_ps(sums, _mm512_dpbf16_ps(_mm512_loadu_ps(sums), first, second));
  return std::ranges::equal(sums, expected);
}

#if defined(__linux__)
// The system saves the tile registers only of processes that asked for them (Linux, Documentation/arch/x86/xstate.rst).
bool tile_registers_granted() {
  constexpr unsigned kOsXsave = 1u << 27, kTileState = 3u << 17;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & kOsXsave) == 0) return false;
  unsigned enabled = 0, upper = 0;
  __asm__ volatile("xgetbv" : "=a"(enabled), "=d"(upper) : "c"(0));
  if ((enabled & kTileState) != kTileState) return false;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}
#else
bool tile_registers_granted() { return false; }
#endif

bool has_in_leaf_7_0(unsigned bit) {  // of EDX
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & (1u << bit)) != 0;
}

#endif

struct Feature {
  std::string_view name;
  bool (*is_here)();
};
constexpr Feature kFeatures[] = {
#if defined(__x86_64__)
// Also asks whether the operating system saves the registers.
#define FEATURE(name) {name, [] { return __builtin_cpu_supports(name) != 0; }}
    FEATURE("avx2"),
    FEATURE("fma"),
    FEATURE("f16c"),
    FEATURE("avx512f"),
    FEATURE("avx512bw"),
    FEATURE("avx512dq"),
    FEATURE("avx512vl"),
    FEATURE("avx512vnni"),
#undef FEATURE
    {"avxvnni", [] { return __builtin_cpu_supports("avx2") != 0 && has_in_leaf_7_1(4); }},
    {"avx512bf16",
     [] {
       static const bool has = __builtin_cpu_supports("avx512f") != 0 && has_in_leaf_7_1(5) && adds_pairs_as_documented();
       return has;
     }},
    {"amx-tile",
     [] {
       static const bool granted = has_in_leaf_7_0(24) && tile_registers_granted();
       return granted;
     }},
    {"amx-int8", [] { return has_in_leaf_7_0(25); }},
#else
    {"", [] { return true; }},
#endif
};

}  // namespace

std::optional<bool> processor_has(std::string_view feature) {
  const auto* found = std::ranges::find(kFeatures, feature, &Feature::name);
  if (found == std::end(kFeatures)) return std::nullopt;
  return found->is_here();
}

std::vector<int> allowed_processors() {
  std::vector<int> allowed;
#if defined(__linux__)
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) == 0)
    for (int processor = 0; processor < CPU_SETSIZE; ++processor)
      if (CPU_ISSET(static_cast<size_t>(processor), &mask)) allowed.push_back(processor);
#endif
  if (allowed.empty()) {
    allowed.resize(std::max(1U, std::thread::hardware_concurrency()));
    std::iota(allowed.begin(), allowed.end(), 0);
  }
  return allowed;
}

}  // namespace halfbyte
