#include "formats/json_metadata.h"

#include <algorithm>
#include <optional>

#include "base/errors.h"

namespace halfbyte {
namespace {

std::optional<MetadataValue> list_of(const Json::Array& array) {
  if (std::ranges::all_of(array, [](const Json& e) { return e.text() != nullptr; })) {
    std::vector<std::string> out;
    for (const Json& element : array) out.push_back(*element.text());
    return out;
  }
  std::vector<int64_t> out;
  for (const Json& element : array) {
    const auto* integer = std::get_if<int64_t>(&element.value);
    if (integer == nullptr) return std::nullopt;
    out.push_back(*integer);
  }
  return out;
}

std::optional<MetadataValue> value_of(const Json& json) {
  if (const auto* i = std::get_if<int64_t>(&json.value)) return *i < 0 ? MetadataValue(*i) : MetadataValue(static_cast<uint64_t>(*i));
  if (const auto* u = std::get_if<uint64_t>(&json.value)) return *u;
  if (const auto* f = std::get_if<double>(&json.value)) return *f;
  if (const auto* b = std::get_if<bool>(&json.value)) return *b;
  if (json.text() != nullptr) return *json.text();
  if (json.array() != nullptr) return list_of(*json.array());
  return std::nullopt;
}

Result<void> add_members(const Json& object, const std::string& prefix, Metadata& out) {
  for (const JsonMember& member : *object.object()) {
    const std::string key = prefix + member.key;
    if (member.value.object() != nullptr) {
      HB_TRY(add_members(member.value, key + ".", out));
      continue;
    }
    auto value = value_of(member.value);
    if (value && !out.insert(key, std::move(*value))) return corrupt("{}: two values are called '{}'", out.path(), escaped(key));
  }
  return {};
}

}  // namespace

Result<Metadata> metadata_of(const Json& object, std::string path) {
  Metadata out(std::move(path));
  HB_TRY(add_members(object, "", out));
  return out;
}

}  // namespace halfbyte
