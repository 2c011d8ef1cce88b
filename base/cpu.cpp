#include "base/cpu.h"

#include <sched.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <numeric>
#include <thread>

#include "base/errors.h"

namespace halfbyte {
namespace {

constexpr Isa kAll[] = {Isa::kScalar, Isa::kAvx2, Isa::kAvx2Vnni, Isa::kAvx512, Isa::kAvx512Vnni, Isa::kAvx512Bf16, Isa::kAmx};
// The last set that is taken unasked: the tests of those after it have not run on a real processor yet.
constexpr Isa kLastByDefault = Isa::kAvx512Bf16;

}  // namespace

std::string_view name(Isa isa) {
  switch (isa) {
    case Isa::kScalar: return "scalar";
    case Isa::kAvx2: return "avx2";
    case Isa::kAvx2Vnni: return "avx2-vnni";
    case Isa::kAvx512: return "avx512";
    case Isa::kAvx512Vnni: return "avx512-vnni";
    case Isa::kAvx512Bf16: return "avx512-bf16";
    case Isa::kAmx: return "amx";
  }
  return "?";
}

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace {

bool has_in_leaf_7_1(unsigned bit) {  // of EAX; the compiler's own test does not know AVX-VNNI yet
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & (1u << bit)) != 0;
}
bool has_avx_vnni() { return has_in_leaf_7_1(4); }

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
bool has_avx512_bf16() {  // beside AVX-512
  static const bool has = has_in_leaf_7_1(5) && adds_pairs_as_documented();
  return has;
}

#if defined(__linux__)
// The system saves the tile registers only of processes that asked for them (Linux, Documentation/arch/x86/xstate.rst).
bool tile_registers_granted() {
  constexpr unsigned kOsXsave = 1u << 27, kTileInt8 = 3u << 24, kTileState = 3u << 17;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & kOsXsave) == 0) return false;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & kTileInt8) != kTileInt8) return false;
  unsigned enabled = 0, upper = 0;
  __asm__ volatile("xgetbv" : "=a"(enabled), "=d"(upper) : "c"(0));
  if ((enabled & kTileState) != kTileState) return false;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}
#else
bool tile_registers_granted() { return false; }
#endif

bool has_amx() {
  static const bool granted = tile_registers_granted();
  return granted;
}

}  // namespace

bool runs_here(Isa isa) {
  // __builtin_cpu_supports also asks whether the operating system saves the registers.
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  const bool avx512_vnni = avx512 && __builtin_cpu_supports("avx512vnni");
  const bool avx512_bf16 = avx512_vnni && has_avx512_bf16();
  switch (isa) {
    case Isa::kScalar: return true;
    case Isa::kAvx2: return avx2;
    case Isa::kAvx2Vnni: return avx2 && has_avx_vnni();
    case Isa::kAvx512: return avx512;
    case Isa::kAvx512Vnni: return avx512_vnni;
    case Isa::kAvx512Bf16: return avx512_bf16;
    case Isa::kAmx: return avx512_bf16 && has_amx();
  }
  return false;
}

#else
bool runs_here(Isa isa) { return isa == Isa::kScalar; }
#endif

std::span<const Isa> isas_known() { return kAll; }

std::vector<Isa> isas_here() {
  std::vector<Isa> out;
  std::ranges::copy_if(kAll, std::back_inserter(out), runs_here);
  return out;
}

Result<Isa> parse_isa(std::string_view s) {
  std::string known;
  for (const Isa isa : kAll) {
    if (s == name(isa)) {
      if (!runs_here(isa)) return unsupported("instruction set {}: this processor does not have it", s);
      return isa;
    }
    known += fmt::format("{}{}", known.empty() ? "" : ", ", name(isa));
  }
  return invalid("instruction set '{}': expected one of {}", escaped(s), known);
}

Isa default_isa() {
  Isa chosen = Isa::kScalar;
  for (const Isa isa : kAll)
    if (isa <= kLastByDefault && runs_here(isa)) chosen = isa;
  return chosen;
}

Result<Isa> choose_isa() {
  if (const char* forced = std::getenv("HALFBYTE_ISA"); forced != nullptr && *forced != '\0') {
    auto isa = parse_isa(forced);
    if (!isa) return Error{isa.error().code, "HALFBYTE_ISA: " + isa.error().message};
    return isa;
  }
  return default_isa();
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
