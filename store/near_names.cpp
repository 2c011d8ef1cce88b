#include "store/near_names.h"

#include <algorithm>
#include <tuple>

#include "store/model_name.h"

namespace halfbyte {
namespace {

constexpr size_t kMost = 3, kLongest = 256;

// Optimal string alignment: Damerau's distance without editing a substring twice.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace

std::vector<std::string> near_names(std::string_view name, std::span<const std::string> known) {
  if (name.size() > kLongest) return {};
  const std::string wanted = lower_case(name);
  std::vector<std::tuple<size_t, std::string>> near;
  for (const std::string& one : known) {
    if (one.size() > kLongest) continue;
    const std::string candidate = lower_case(one);
    const bool contains =
        wanted.size() >= 3 && (candidate.find(wanted) != std::string::npos || wanted.find(candidate) != std::string::npos);
    // A tag that was left out is no difference.
    const std::string_view without_tag = std::string_view(candidate).substr(0, candidate.rfind(':'));
    const size_t apart = std::min(distance(wanted, candidate), distance(wanted, without_tag));
    if (contains || apart <= std::max<size_t>(1, wanted.size() / 4)) near.emplace_back(apart, one);
  }
  std::ranges::sort(near);
  if (near.size() > kMost) near.resize(kMost);
  std::vector<std::string> names;
  for (auto& [apart, one] : near) names.push_back(std::move(one));
  return names;
}

}  // namespace halfbyte
