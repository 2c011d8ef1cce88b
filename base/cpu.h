// What this processor can run. Asked once, at the door; kernels are chosen from it.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "halfbyte/result.h"

namespace halfbyte {

// Instruction sets we build kernels for, weakest first. Each needs all before it.
enum class Isa {
  kScalar,      // plain C++: the definition
  kAvx2,        // AVX2, FMA, F16C
  kAvx2Vnni,    // + AVX-VNNI (256 bit)
  kAvx512,      // AVX-512 F BW DQ VL
  kAvx512Vnni,  // + AVX512-VNNI
  kAvx512Bf16,  // + AVX512-BF16, where VDPBF16PS adds as documented
  kAmx,         // + AMX-TILE, AMX-INT8; this process asks the system for the tile registers
};

std::string_view name(Isa isa);             // "scalar", "avx2", "avx2-vnni", "avx512", "avx512-vnni", "avx512-bf16", "amx"
bool runs_here(Isa isa);                    // processor and operating system both support it
std::span<const Isa> isas_known();          // all of the above, weakest first
std::vector<Isa> isas_here();               // all that run here, weakest first
Result<Isa> parse_isa(std::string_view s);  // kInvalid lists the names; kUnsupported: not on this processor
// The strongest that runs here and whose tests have run on a real processor (docs/kernels.md).
Isa default_isa();
// HALFBYTE_ISA if set, else default_isa().
Result<Isa> choose_isa();

std::vector<int> allowed_processors();  // numbers of the processors this process may use (affinity mask), ascending, at least one

}  // namespace halfbyte
