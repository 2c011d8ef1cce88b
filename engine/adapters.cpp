#include "engine/adapters.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/errors.h"
#include "models/load_adapter.h"

namespace halfbyte {

Result<Adapters> Adapters::open(std::span<const AdapterFile> files, const Model& model, const World& world,
                                std::vector<std::string>& warnings) {
  Adapters out;
  for (const AdapterFile& file : files) {
    if (file.name.empty()) return invalid("adapters: {} has no name", file.path.string());
    if (out.by_name_.contains(file.name)) return invalid("adapters: two are called '{}'", escaped(file.name));
    HB_TRY_ASSIGN(adapter, load_adapter(file.path, model, world, warnings));
    out.by_name_.emplace(file.name, std::move(adapter));
  }
  return out;
}

Result<std::vector<AppliedAdapter>> Adapters::find(std::span<const AdapterUse> asked) const {
  if (asked.size() > kMostAdapters) return invalid("adapters: {} asked for, at most {}", asked.size(), kMostAdapters);
  std::vector<AppliedAdapter> out;
  for (size_t i = 0; i < asked.size(); ++i) {
    const AdapterUse& use = asked[i];
    const auto found = by_name_.find(use.name);
    if (found == by_name_.end()) {
      std::string known;
      for (const auto& [name, adapter] : by_name_) known += (known.empty() ? "" : ", ") + escaped(name);
      return invalid("adapters: no '{}'; this engine has {}", escaped(use.name), known.empty() ? "none" : known);
    }
    if (std::ranges::count(asked, use.name, &AdapterUse::name) > 1) return invalid("adapters: '{}' is asked for twice", escaped(use.name));
    if (!std::isfinite(use.scale)) return invalid("adapters: the scale of '{}' is not finite", escaped(use.name));
    if (use.scale != 0) out.push_back({&found->second, use.scale});
  }
  return out;
}

int Adapters::rank() const {
  int rank = 0;
  for (const auto& [name, adapter] : by_name_) rank = std::max(rank, adapter.rank);
  return rank;
}

size_t Adapters::bytes() const {
  size_t bytes = 0;
  for (const auto& [name, adapter] : by_name_) bytes += adapter.storage.size();
  return bytes;
}

std::string identity_of(std::span<const AppliedAdapter> adapters) {
  std::string identity;
  for (const AppliedAdapter& applied : adapters)
    identity += fmt::format("{:016x}*{:08x} ", applied.adapter->identity, std::bit_cast<uint32_t>(applied.factor));
  return identity;
}

std::string owner_of_prefixes(std::string_view principal, std::span<const AppliedAdapter> adapters) {
  return fmt::format("{}\n{}", identity_of(adapters), principal);  // the first line ends them, whatever the principal is
}

}  // namespace halfbyte
