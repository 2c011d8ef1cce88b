#include "formats/known_keys.h"

#include <algorithm>

#include "base/errors.h"

namespace halfbyte {
namespace {

bool names(const KnownKey& known, std::string_view name) {
  if (known.name.ends_with(".*")) return name.starts_with(known.name.substr(0, known.name.size() - 1));
  return known.name == name;
}

const KnownKey* find(std::span<const std::span<const KnownKey>> tables, std::string_view name) {
  for (const std::span<const KnownKey> table : tables) {
    const auto known = std::ranges::find_if(table, [&](const KnownKey& k) { return names(k, name); });
    if (known != table.end()) return &*known;
  }
  return nullptr;
}

Result<void> check(const Metadata& metadata, std::string_view key, const KnownKey& known, std::string_view prefix) {
  const auto refused = [&](const auto& found, const auto& first, const auto& second) {
    const std::string both = first == second ? fmt::format("{}", first) : fmt::format("{} or {}", first, second);
    return unsupported("{}: {} is {}; this build runs {}", metadata.path(), key, found, both);
  };
  switch (known.use) {
    case KnownKey::Use::kRead:
    case KnownKey::Use::kHarmless: return {};
    case KnownKey::Use::kNumber: {
      const bool* flag = std::get_if<bool>(metadata.find(key));
      HB_TRY_ASSIGN(found, flag != nullptr ? Result<double>(*flag ? 1 : 0) : metadata.float_or(key, 0));
      if (std::ranges::find(known.numbers, found) == known.numbers.end()) return refused(found, known.numbers[0], known.numbers[1]);
      return {};
    }
    case KnownKey::Use::kText: {
      HB_TRY_ASSIGN(found, metadata.text(key));
      if (std::ranges::find(known.texts, found) == known.texts.end())
        return refused("'" + escaped(found) + "'", known.texts[0], known.texts[1]);
      return {};
    }
    case KnownKey::Use::kNever: return unsupported("{}: {} is not supported by this build", metadata.path(), key);
    case KnownKey::Use::kSameAs: {
      const std::string other = std::string(prefix) + std::string(known.texts[0]);
      HB_TRY_ASSIGN(found, metadata.float_or(key, 0));
      if (!metadata.contains(other))
        return unsupported("{}: {} is {}, and there is no {} for it to equal", metadata.path(), key, found, other);
      HB_TRY_ASSIGN(expected, metadata.float_or(other, 0));
      if (found != expected) return unsupported("{}: {} is {}; this build runs {}, as {}", metadata.path(), key, found, expected, other);
      return {};
    }
  }
  return {};
}

}  // namespace

Result<void> check_known_keys(const Metadata& metadata, std::string_view prefix, std::span<const std::span<const KnownKey>> tables,
                              std::vector<std::string>& warnings) {
  std::string unknown;
  for (auto at = metadata.all().lower_bound(prefix); at != metadata.all().end() && at->first.starts_with(prefix); ++at) {
    const KnownKey* known = find(tables, std::string_view(at->first).substr(prefix.size()));
    if (known != nullptr)
      HB_TRY(check(metadata, at->first, *known, prefix));
    else
      unknown += fmt::format("{}{}", unknown.empty() ? "" : ", ", escaped(at->first));
  }
  if (!unknown.empty()) warnings.push_back(fmt::format("{}: not applied, for this build does not know them: {}", metadata.path(), unknown));
  return {};
}

}  // namespace halfbyte
