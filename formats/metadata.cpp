#include <cmath>
#include <limits>
#include <utility>

#include "base/errors.h"
#include "formats/checkpoint.h"

namespace halfbyte {
namespace {

std::string_view type_name(const MetadataValue& value) {
  static constexpr std::string_view kNames[] = {
      "unsigned integer",           "integer",           "float",           "bool",           "string",
      "array of unsigned integers", "array of integers", "array of floats", "array of bools", "array of strings"};
  static_assert(std::size(kNames) == std::variant_size_v<MetadataValue>);
  return kNames[value.index()];
}

Error missing(const std::string& path, std::string_view key) { return corrupt("{}: required key '{}' is missing", path, key); }

Error wrong_type(const std::string& path, std::string_view key, std::string_view expected, const MetadataValue& found) {
  return corrupt("{}: key '{}': expected {}, found {}", path, key, expected, type_name(found));
}

// Writers differ in how they store a number. A whole float and a bool are integers too.
MetadataValue as_integer(MetadataValue value) {
  constexpr double kExact = 9007199254740992;  // 2^53: above it floats are not what somebody wrote
  if (const auto* flag = std::get_if<bool>(&value)) return uint64_t{*flag};
  const auto* f = std::get_if<double>(&value);
  if (f == nullptr || *f != std::trunc(*f) || std::abs(*f) > kExact) return value;
  return *f < 0 ? MetadataValue(static_cast<int64_t>(*f)) : MetadataValue(static_cast<uint64_t>(*f));
}

// An array with the same value in every place, one for each layer, is that value.
Result<MetadataValue> one_value(const std::string& path, std::string_view key, const MetadataValue& value) {
  return std::visit(
      [&]<class T>(const T& held) -> Result<MetadataValue> {
        if constexpr (requires { held.front(); } && !std::is_same_v<T, std::string> && !std::is_same_v<T, std::vector<std::string>>) {
          if (held.empty()) return value;
          for (size_t i = 1; i < held.size(); ++i)
            if (held[i] != held[0])
              return unsupported("{}: key '{}': {} values that differ, {} and then {}; this build needs one for all layers", path, key,
                                 held.size(), held[0], held[i]);
          return MetadataValue(typename T::value_type(held[0]));
        } else {
          return value;
        }
      },
      value);
}

// Calls visit(element) for each element of an array, or for the one value that stands in its place.
template <class Visit>
Result<void> each_element(const MetadataValue& value, Visit&& visit) {
  return std::visit(
      [&]<class T>(const T& held) -> Result<void> {
        if constexpr (requires { held.front(); } && !std::is_same_v<T, std::string>) {
          for (size_t i = 0; i < held.size(); ++i) HB_TRY(visit(MetadataValue(typename T::value_type(held[i]))));
          return {};
        } else {
          return visit(value);
        }
      },
      value);
}

std::optional<double> number(const MetadataValue& value) {
  if (const auto* f = std::get_if<double>(&value)) return *f;
  if (const auto* u = std::get_if<uint64_t>(&value)) return static_cast<double>(*u);
  if (const auto* i = std::get_if<int64_t>(&value)) return static_cast<double>(*i);
  return std::nullopt;
}

}  // namespace

bool Metadata::contains(std::string_view key) const { return values_.contains(key); }

const MetadataValue* Metadata::find(std::string_view key) const {
  const auto at = values_.find(key);
  return at == values_.end() ? nullptr : &at->second;
}

bool Metadata::insert(std::string key, MetadataValue value) {
  const auto [at, is_new] = values_.try_emplace(std::move(key));
  if (is_new) at->second = std::move(value);
  return is_new;
}

Result<uint64_t> Metadata::unsigned_integer(std::string_view key, uint64_t least, uint64_t greatest) const {
  const MetadataValue* value = find(key);
  if (value == nullptr) return missing(path_, key);
  HB_TRY_ASSIGN(one, one_value(path_, key, *value));
  one = as_integer(std::move(one));
  const auto* u = std::get_if<uint64_t>(&one);
  const auto* i = std::get_if<int64_t>(&one);
  if (u == nullptr && i == nullptr) return wrong_type(path_, key, "unsigned integer", *value);
  const bool negative = i != nullptr && *i < 0;
  const uint64_t n = u != nullptr ? *u : static_cast<uint64_t>(*i);
  if (negative) return corrupt("{}: key '{}': {} is out of range {} to {}", path_, key, *i, least, greatest);
  if (n < least || n > greatest) return corrupt("{}: key '{}': {} is out of range {} to {}", path_, key, n, least, greatest);
  return n;
}

Result<uint64_t> Metadata::unsigned_integer_or(std::string_view key, uint64_t least, uint64_t greatest, uint64_t fallback) const {
  if (!contains(key)) return fallback;
  return unsigned_integer(key, least, greatest);
}

Result<double> Metadata::positive_float(std::string_view key) const {
  const MetadataValue* value = find(key);
  if (value == nullptr) return missing(path_, key);
  HB_TRY_ASSIGN(one, one_value(path_, key, *value));
  const auto f = number(one);
  if (!f) return wrong_type(path_, key, "float", *value);
  if (!std::isfinite(*f) || *f <= 0) return corrupt("{}: key '{}': must be finite and > 0, found {}", path_, key, *f);
  return *f;
}

Result<double> Metadata::float_or(std::string_view key, double fallback) const {
  const MetadataValue* value = find(key);
  if (value == nullptr) return fallback;
  HB_TRY_ASSIGN(one, one_value(path_, key, *value));
  const auto f = number(one);
  if (!f) return wrong_type(path_, key, "float", *value);
  if (!std::isfinite(*f)) return corrupt("{}: key '{}': must be finite, found {}", path_, key, *f);
  return *f;
}

Result<std::string> Metadata::text(std::string_view key) const {
  const MetadataValue* value = find(key);
  if (value == nullptr) return missing(path_, key);
  const auto* text = std::get_if<std::string>(value);
  if (text == nullptr) return wrong_type(path_, key, "string", *value);
  return *text;
}

Result<std::string> Metadata::text_or(std::string_view key, std::string fallback) const {
  if (!contains(key)) return fallback;
  return text(key);
}

Result<bool> Metadata::flag_or(std::string_view key, bool fallback) const {
  const MetadataValue* value = find(key);
  if (value == nullptr) return fallback;
  HB_TRY_ASSIGN(one, one_value(path_, key, *value));
  const MetadataValue flag = as_integer(std::move(one));
  const auto* u = std::get_if<uint64_t>(&flag);
  if (u == nullptr || *u > 1) return wrong_type(path_, key, "bool", *value);
  return *u == 1;
}

Result<const std::vector<std::string>*> Metadata::strings(std::string_view key) const {
  const MetadataValue* value = find(key);
  const std::vector<std::string>* none = nullptr;
  if (value == nullptr) return none;
  const auto* array = std::get_if<std::vector<std::string>>(value);
  if (array == nullptr) return wrong_type(path_, key, "array of strings", *value);
  return array;
}

Result<std::vector<int64_t>> Metadata::integers(std::string_view key) const {
  const MetadataValue* value = find(key);
  if (value == nullptr) return std::vector<int64_t>();
  if (const auto* same = std::get_if<std::vector<int64_t>>(value)) return *same;  // as usual: a vocabulary has some 100,000
  std::vector<int64_t> out;
  const auto add = [&](const MetadataValue& element) -> Result<void> {
    const MetadataValue integer = as_integer(element);
    if (const auto* i = std::get_if<int64_t>(&integer)) {
      out.push_back(*i);
      return {};
    }
    const auto* u = std::get_if<uint64_t>(&integer);
    if (u == nullptr) return wrong_type(path_, key, "array of integers", *value);
    if (!std::in_range<int64_t>(*u)) return corrupt("{}: key '{}': element {} is out of range", path_, key, *u);
    out.push_back(static_cast<int64_t>(*u));
    return {};
  };
  HB_TRY(each_element(*value, add));
  return out;
}

Result<std::vector<float>> Metadata::floats(std::string_view key) const {
  const MetadataValue* value = find(key);
  if (value == nullptr) return std::vector<float>();
  if (const auto* same = std::get_if<std::vector<double>>(value)) return std::vector<float>(same->begin(), same->end());
  std::vector<float> out;
  HB_TRY(each_element(*value, [&](const MetadataValue& element) -> Result<void> {
    const auto f = number(element);
    if (!f) return wrong_type(path_, key, "array of floats", *value);
    out.push_back(static_cast<float>(*f));
    return {};
  }));
  return out;
}

}  // namespace halfbyte
