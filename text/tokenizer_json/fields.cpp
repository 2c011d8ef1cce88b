#include "text/tokenizer_json/fields.h"

#include <algorithm>

#include "base/errors.h"
#include "base/utf8.h"

namespace halfbyte::tokenizer_json {
namespace {

std::string described(const Json* value) {
  struct Describe {
    std::string operator()(std::nullptr_t) const { return "null"; }
    std::string operator()(bool b) const { return b ? "true" : "false"; }
    std::string operator()(int64_t n) const { return std::to_string(n); }
    std::string operator()(uint64_t n) const { return std::to_string(n); }
    std::string operator()(double n) const { return fmt::format("{}", n); }
    std::string operator()(const std::string& text) const { return fmt::format("'{}'", escaped(text)); }
    std::string operator()(const Json::Array& items) const { return fmt::format("an array of {}", items.size()); }
    std::string operator()(const Json::Object&) const { return "an object"; }
  };
  return value == nullptr ? "nothing" : std::visit(Describe(), value->value);
}

}  // namespace

Error expected(std::string_view place, std::string_view what, const Json* found) {
  return corrupt("{}: expected {}, found {}", place, what, described(found));
}

std::optional<uint64_t> whole_number(const Json& value) {
  if (const auto* n = std::get_if<int64_t>(&value.value)) return *n < 0 ? std::nullopt : std::optional<uint64_t>(*n);
  if (const auto* n = std::get_if<uint64_t>(&value.value)) return *n;
  return std::nullopt;
}

std::optional<double> any_number(const Json& value) {
  if (const auto* n = std::get_if<int64_t>(&value.value)) return static_cast<double>(*n);
  if (const auto* n = std::get_if<uint64_t>(&value.value)) return static_cast<double>(*n);
  if (const auto* n = std::get_if<double>(&value.value)) return *n;
  return std::nullopt;
}

Result<Fields> Fields::of(const Json& value, std::string where) {
  if (value.object() == nullptr) return expected(where, "an object", &value);
  return Fields(*value.object(), std::move(where));
}

const Json* Fields::take(std::string_view key) {
  const auto member = std::find_if(members_->begin(), members_->end(), [&](const JsonMember& m) { return m.key == key; });
  if (member == members_->end()) return nullptr;
  is_taken_[static_cast<size_t>(member - members_->begin())] = true;
  return std::holds_alternative<std::nullptr_t>(member->value.value) ? nullptr : &member->value;
}

void Fields::skip(std::string_view key) { static_cast<void>(take(key)); }

Result<std::optional<std::string>> Fields::optional_text(std::string_view key) {
  const Json* value = take(key);
  if (value == nullptr) return std::optional<std::string>();
  if (value->text() == nullptr) return expected(place(key), "a string", value);
  return std::optional<std::string>(*value->text());
}

Result<std::string> Fields::text(std::string_view key) {
  HB_TRY_ASSIGN(found, optional_text(key));
  if (!found) return expected(place(key), "a string", nullptr);
  return std::move(*found);
}

Result<bool> Fields::flag(std::string_view key, std::optional<bool> fallback) {
  const Json* value = take(key);
  if (value == nullptr && fallback) return *fallback;
  const bool* flag = value == nullptr ? nullptr : std::get_if<bool>(&value->value);
  if (flag == nullptr) return expected(place(key), "true or false", value);
  return *flag;
}

Result<uint64_t> Fields::count(std::string_view key, uint64_t least, uint64_t greatest, std::optional<uint64_t> fallback) {
  const Json* value = take(key);
  if (value == nullptr && fallback) return *fallback;
  const auto number = value == nullptr ? std::nullopt : whole_number(*value);
  if (!number || *number < least || *number > greatest)
    return expected(place(key), fmt::format("a number from {} to {}", least, greatest), value);
  return *number;
}

Result<char32_t> Fields::character(std::string_view key) {
  HB_TRY_ASSIGN(found, text(key));
  const Utf8Character first = found.empty() ? Utf8Character{} : read_utf8(found, 0);
  if (found.empty() || first.bytes != found.size() || first.form != Utf8Character::Form::kWhole)
    return corrupt("{}: expected one character, found '{}'", place(key), escaped(found));
  return first.code_point;
}

Result<const Json::Array*> Fields::array(std::string_view key) {
  const Json* value = take(key);
  if (value == nullptr || value->array() == nullptr) return expected(place(key), "an array", value);
  return value->array();
}

Result<void> Fields::finish() const {
  for (size_t i = 0; i < members_->size(); ++i)
    if (!is_taken_[i]) return unsupported("{}: member '{}' is not supported", where_, escaped((*members_)[i].key));
  return {};
}

}  // namespace halfbyte::tokenizer_json
