#include "kernels/kernels.h"

#if defined(__x86_64__)
#define HALFBYTE_SETS(SET)      \
  SET(kScalar, scalar)          \
  SET(kAvx2, avx2)              \
  SET(kAvx2Vnni, avx2_vnni)     \
  SET(kAvx512, avx512)          \
  SET(kAvx512Vnni, avx512_vnni) \
  SET(kAmx, amx)
#else
#define HALFBYTE_SETS(SET) SET(kScalar, scalar)
#endif

namespace halfbyte {

#define SET(isa, folder)           \
  namespace folder {               \
  extern const KernelTable kTable; \
  }
HALFBYTE_SETS(SET)
#undef SET

#if defined(__x86_64__)
namespace avx512_bf16 {
extern PanelKernel panel_bf16;
const KernelTable& table() {
  static const KernelTable table = [] {
    KernelTable with_pairs = avx512_vnni::kTable;
    with_pairs.panel_bf16 = panel_bf16;
    return with_pairs;
  }();
  return table;
}
}  // namespace avx512_bf16
#endif

const KernelTable& kernels(Isa isa) {
#define SET(set, folder) \
  if (isa == Isa::set) return folder::kTable;
  HALFBYTE_SETS(SET)
#undef SET
#if defined(__x86_64__)
  if (isa == Isa::kAvx512Bf16) return avx512_bf16::table();
#endif
  return scalar::kTable;  // a set of another processor family: it does not run here
}

PanelKernel* panel_kernel(const KernelTable& table, std::string_view format) {
#define PANEL(name, panel_format) \
  if (format == (panel_format)) return table.name;
#include "kernels/families.def"
  return nullptr;
}

}  // namespace halfbyte
