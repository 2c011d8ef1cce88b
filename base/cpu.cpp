#include "base/cpu.h"

#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "base/errors.h"

namespace halfbyte {
namespace {

constexpr Isa kAll[] = {Isa::kScalar, Isa::kAvx2, Isa::kAvx2Vnni, Isa::kAvx512, Isa::kAvx512Vnni};

}  // namespace

std::string_view name(Isa isa) {
  switch (isa) {
    case Isa::kScalar: return "scalar";
    case Isa::kAvx2: return "avx2";
    case Isa::kAvx2Vnni: return "avx2-vnni";
    case Isa::kAvx512: return "avx512";
    case Isa::kAvx512Vnni: return "avx512-vnni";
  }
  return "?";
}

#if defined(__x86_64__)
#include <cpuid.h>

namespace {

bool has_avx_vnni() {  // leaf 7, sub-leaf 1, EAX bit 4; the compiler's own test does not know it yet
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & (1u << 4)) != 0;
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
  }
  return false;
}
#else
bool runs_here(Isa isa) { return isa == Isa::kScalar; }
#endif

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

Result<Isa> choose_isa() {
  if (const char* forced = std::getenv("HALFBYTE_ISA"); forced != nullptr && *forced != '\0') {
    auto isa = parse_isa(forced);
    if (!isa) return Error{isa.error().code, "HALFBYTE_ISA: " + isa.error().message};
    return isa;
  }
  return isas_here().back();
}

int processors_available() {
#if defined(__linux__)
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) return std::max(1, CPU_COUNT(&mask));
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace halfbyte
