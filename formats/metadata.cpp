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

// A number of any kind as double; integers are accepted where a float is asked for.
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
  const auto* u = std::get_if<uint64_t>(value);
  const auto* i = std::get_if<int64_t>(value);
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
  const auto f = number(*value);
  if (!f) return wrong_type(path_, key, "float", *value);
  if (!std::isfinite(*f) || *f <= 0) return corrupt("{}: key '{}': must be finite and > 0, found {}", path_, key, *f);
  return *f;
}

Result<double> Metadata::float_or(std::string_view key, double fallback) const {
  const MetadataValue* value = find(key);
  if (value == nullptr) return fallback;
  const auto f = number(*value);
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
  const auto* flag = std::get_if<bool>(value);
  if (flag == nullptr) return wrong_type(path_, key, "bool", *value);
  return *flag;
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
  if (const auto* i = std::get_if<std::vector<int64_t>>(value)) return *i;
  const auto* u = std::get_if<std::vector<uint64_t>>(value);
  if (u == nullptr) return wrong_type(path_, key, "array of integers", *value);
  std::vector<int64_t> out;
  for (const uint64_t n : *u) {
    if (!std::in_range<int64_t>(n)) return corrupt("{}: key '{}': element {} is out of range", path_, key, n);
    out.push_back(static_cast<int64_t>(n));
  }
  return out;
}

Result<std::vector<float>> Metadata::floats(std::string_view key) const {
  const MetadataValue* value = find(key);
  if (value == nullptr) return std::vector<float>();
  const auto* array = std::get_if<std::vector<double>>(value);
  if (array == nullptr) return wrong_type(path_, key, "array of floats", *value);
  std::vector<float> out;
  out.reserve(array->size());
  for (const double f : *array) out.push_back(static_cast<float>(f));
  return out;
}

}  // namespace halfbyte
