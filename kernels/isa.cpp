#include "kernels/isa.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "base/cpu.h"
#include "base/errors.h"

namespace halfbyte {
namespace {

struct Set {
  Isa isa;
  std::string_view name;
  ProcessorFamily family;
  Isa parent;
  std::string_view features;
  bool is_taken_unasked;
};
constexpr Set kSets[] = {
#define SET(isa, name, folder, family, parent, features, unasked) {Isa::isa, name, ProcessorFamily::family, Isa::parent, features, unasked},
#include "kernels/sets.def"
};
constexpr Isa kIsas[] = {
#define SET(isa, ...) Isa::isa,
#include "kernels/sets.def"
};

constexpr bool parents_come_first() {
  return std::ranges::all_of(kSets, [](const Set& set) { return set.parent < set.isa || set.isa == Isa::kScalar; });
}
static_assert(kIsas[0] == Isa::kScalar && parents_come_first(), "chains of parents end at scalar");

constexpr const Set& set_of(Isa isa) { return kSets[static_cast<size_t>(isa)]; }

bool has_features(std::string_view features) {
  while (!features.empty()) {
    const size_t end = std::min(features.find(' '), features.size());
    if (!processor_has(features.substr(0, end)).value_or(false)) return false;
    features.remove_prefix(std::min(end + 1, features.size()));
  }
  return true;
}

}  // namespace

std::string_view name(Isa isa) { return set_of(isa).name; }
std::string_view features(Isa isa) { return set_of(isa).features; }
Isa parent(Isa isa) { return set_of(isa).parent; }

bool includes(Isa isa, Isa ancestor) {
  while (isa != ancestor && isa != parent(isa)) isa = parent(isa);
  return isa == ancestor;
}

bool runs_here(Isa isa) {
  const Set& set = set_of(isa);
  if (set.parent != isa && !runs_here(set.parent)) return false;
  return is_built_for(set.family) && has_features(set.features);
}

std::span<const Isa> isas_known() { return kIsas; }

std::vector<Isa> isas_built() {
  std::vector<Isa> out;
  std::ranges::copy_if(kIsas, std::back_inserter(out), [](Isa isa) { return is_built_for(set_of(isa).family); });
  return out;
}

std::vector<Isa> isas_here() {
  std::vector<Isa> out;
  std::ranges::copy_if(kIsas, std::back_inserter(out), runs_here);
  return out;
}

Result<Isa> parse_isa(std::string_view s) {
  std::string known;
  for (const Isa isa : kIsas) {
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
  for (const Isa isa : kIsas)
    if (set_of(isa).is_taken_unasked && runs_here(isa)) chosen = isa;
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

}  // namespace halfbyte
