// The adapters that requests may ask for, by name.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "halfbyte/engine.h"
#include "models/model.h"
#include "ops/adapter.h"

namespace halfbyte {

// Immutable once opened; what find() returns refers to it.
class Adapters {
 public:
  // kInvalid: a name is empty or there twice. Else as load_adapter(); `warnings` gets its lines.
  static Result<Adapters> open(std::span<const AdapterFile> files, const Model& model, const World& world,
                               std::vector<std::string>& warnings);

  // In the order asked for; one whose scale is 0 is left out. kInvalid: a name is not known or there twice, a scale is not finite, or more
  // than kMostAdapters are asked for.
  Result<std::vector<AppliedAdapter>> find(std::span<const AdapterUse> asked) const;
  int rank() const;  // the greatest; 0: there are no adapters
  size_t bytes() const;

 private:
  std::map<std::string, Adapter, std::less<>> by_name_;
};

// What the bits computed with them depend on, besides the model; empty: there are none.
std::string identity_of(std::span<const AppliedAdapter> adapters);
// Whose pages of a prefix a sequence may use: those computed for its principal with the very same adapters. No two pairs have one owner.
std::string owner_of_prefixes(std::string_view principal, std::span<const AppliedAdapter> adapters);

}  // namespace halfbyte
