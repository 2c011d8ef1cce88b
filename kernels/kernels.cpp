#include "kernels/kernels.h"

#include <array>
#include <cstddef>

#include "base/cpu.h"

namespace halfbyte {

#define SET(isa, name, folder, ...) \
  namespace folder {                \
  extern const KernelTable kTable;  \
  }
#include "kernels/sets.def"

namespace {

// What the set's own folder has, null for the rest; null where it is not built for this family of processors.
const KernelTable* own_table(Isa isa) {
#define SET(set, name, folder, family, ...)              \
  if constexpr (is_built_for(ProcessorFamily::family)) { \
    if (isa == Isa::set) return &folder::kTable;         \
  }
#include "kernels/sets.def"
  return nullptr;
}

void replace(KernelTable& table, const KernelTable& own) {
#define PANEL(name, format) \
  if (own.name != nullptr) table.name = own.name;
#define KERNEL(name, ...) \
  if (own.name != nullptr) table.name = own.name;
#include "kernels/families.def"
}

constexpr size_t kSets = 0
#define SET(...) +1
#include "kernels/sets.def"
    ;

}  // namespace

const KernelTable& kernels(Isa isa) {
  static const auto tables = [] {
    std::array<KernelTable, kSets> all{};
    for (const Isa set : isas_known()) {  // a parent stands before its children
      KernelTable& table = all[static_cast<size_t>(set)];
      table = all[static_cast<size_t>(parent(set))];
      if (const KernelTable* own = own_table(set)) replace(table, *own);
    }
    return all;
  }();
  return tables[static_cast<size_t>(isa)];
}

PanelKernel* panel_kernel(const KernelTable& table, std::string_view format) {
#define PANEL(name, panel_format) \
  if (format == (panel_format)) return table.name;
#include "kernels/families.def"
  return nullptr;
}

}  // namespace halfbyte
