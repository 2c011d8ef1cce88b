#include "formats/json_metadata.h"

#include <algorithm>
#include <optional>

#include "base/errors.h"
#include "base/json_writer.h"

namespace halfbyte {
namespace {

std::optional<double> number_of(const Json& json) {
  if (const auto* i = std::get_if<int64_t>(&json.value)) return static_cast<double>(*i);
  if (const auto* u = std::get_if<uint64_t>(&json.value)) return static_cast<double>(*u);
  if (const auto* f = std::get_if<double>(&json.value)) return *f;
  return std::nullopt;
}

// A list of one kind as values of it; any other as its text, so that who asks for it says that it is of another type.
MetadataValue list_of(const Json::Array& array) {
  const auto all = [&](auto&& is) { return std::ranges::all_of(array, is); };
  const auto collected = [&]<class T>(std::vector<T> out, auto&& value) {
    for (const Json& element : array) out.push_back(value(element));
    return MetadataValue(std::move(out));
  };
  if (all([](const Json& e) { return e.text() != nullptr; }))
    return collected(std::vector<std::string>(), [](const Json& e) { return *e.text(); });
  if (all([](const Json& e) { return std::holds_alternative<int64_t>(e.value); }))
    return collected(std::vector<int64_t>(), [](const Json& e) { return std::get<int64_t>(e.value); });
  if (all([](const Json& e) { return std::holds_alternative<bool>(e.value); }))
    return collected(std::vector<bool>(), [](const Json& e) { return std::get<bool>(e.value); });
  if (all([](const Json& e) { return number_of(e).has_value(); }))
    return collected(std::vector<double>(), [](const Json& e) { return *number_of(e); });
  return JsonWriter().value(Json{array}).take();
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
