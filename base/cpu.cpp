#include "base/cpu.h"

#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <thread>

#include "base/errors.h"

namespace halfbyte {
namespace {

constexpr Isa kAll[] = {Isa::kScalar, Isa::kAvx2, Isa::kAvx2Vnni, Isa::kAvx512, Isa::kAvx512Vnni, Isa::kAmx};
// The last set that is taken unasked: the tests of those after it have not run on a real processor yet.
constexpr Isa kLastByDefault = Isa::kAvx512Vnni;

}  // namespace

std::string_view name(Isa isa) {
  switch (isa) {
    case Isa::kScalar: return "scalar";
    case Isa::kAvx2: return "avx2";
    case Isa::kAvx2Vnni: return "avx2-vnni";
    case Isa::kAvx512: return "avx512";
    case Isa::kAvx512Vnni: return "avx512-vnni";
    case Isa::kAmx: return "amx";
  }
  return "?";
}

#if defined(__x86_64__)
#include <cpuid.h>
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
bool has_avx512_bf16() { return has_in_leaf_7_1(5); }

#if defined(__linux__)
// The system saves the tile registers only of processes that asked for them (Linux, Documentation/arch/x86/xstate.rst).
bool tile_registers_granted() {
  constexpr unsigned kOsXsave = 1u << 27, kTileInt8Bf16 = 3u << 24 | 1u << 22, kTileState = 3u << 17;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & kOsXsave) == 0) return false;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & kTileInt8Bf16) != kTileInt8Bf16) return false;
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
  switch (isa) {
    case Isa::kScalar: return true;
    case Isa::kAvx2: return avx2;
    case Isa::kAvx2Vnni: return avx2 && has_avx_vnni();
    case Isa::kAvx512: return avx512;
    case Isa::kAvx512Vnni: return avx512 && __builtin_cpu_supports("avx512vnni");
    case Isa::kAmx: return avx512 && __builtin_cpu_supports("avx512vnni") && has_avx512_bf16() && has_amx();
  }
  return false;
}

bool has_bf16_products(Isa isa) { return isa >= Isa::kAvx512Vnni && runs_here(isa) && has_avx512_bf16(); }
#else
bool runs_here(Isa isa) { return isa == Isa::kScalar; }
bool has_bf16_products(Isa) { return false; }
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
