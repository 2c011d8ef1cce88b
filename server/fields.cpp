#include "server/fields.h"

#include <cmath>
#include <type_traits>

#include "base/errors.h"

namespace halfbyte {
namespace {

constexpr size_t kMostStops = 16;

std::optional<double> as_double(const Json& value) {
  if (const auto* whole = std::get_if<int64_t>(&value.value)) return static_cast<double>(*whole);
  if (const auto* whole = std::get_if<uint64_t>(&value.value)) return static_cast<double>(*whole);
  if (const auto* number = std::get_if<double>(&value.value)) return *number;
  return {};
}

// A seed may be below 0 in OpenAI's API; every one of 64 bits is a seed of its own.
Result<std::optional<uint64_t>> seed_at(const Fields& fields, std::string_view key) {
  const Json* value = fields.find(key);
  if (value == nullptr) return std::optional<uint64_t>();
  if (const auto* whole = std::get_if<int64_t>(&value->value)) return std::optional(static_cast<uint64_t>(*whole));
  if (const auto* whole = std::get_if<uint64_t>(&value->value)) return std::optional(*whole);
  return fields.expected(key, "a whole number of 64 bits");
}

}  // namespace

std::string shown_value(const Json& value) {
  if (const auto* whole = std::get_if<int64_t>(&value.value)) return fmt::format("{}", *whole);
  if (const auto* whole = std::get_if<uint64_t>(&value.value)) return fmt::format("{}", *whole);
  if (const auto* number = std::get_if<double>(&value.value)) return fmt::format("{}", *number);
  if (const auto* flag = std::get_if<bool>(&value.value)) return *flag ? "true" : "false";
  if (value.text() != nullptr) return "text";
  if (value.array() != nullptr) return "a list";
  return value.object() != nullptr ? "an object" : "null";
}

Result<Fields> Fields::of(const Json& value, const std::string& path) {
  if (const Json::Object* object = value.object()) return Fields(*object, path + ".");
  return invalid("{}: expected an object, found {}", path, shown_value(value));
}

const Json* Fields::find(std::string_view key) const {
  for (const JsonMember& member : object_.get())
    if (member.key == key) return std::holds_alternative<std::nullptr_t>(member.value.value) ? nullptr : &member.value;
  return nullptr;
}

Error Fields::expected(std::string_view key, std::string_view what) const {
  return invalid("{}: expected {}, found {}", path(key), what, shown_value(*find(key)));
}

Result<std::optional<std::string>> Fields::text(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::optional<std::string>();
  if (value->text() == nullptr) return expected(key, "text");
  return std::optional(*value->text());
}

Result<std::optional<bool>> Fields::flag(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::optional<bool>();
  if (const bool* flag = std::get_if<bool>(&value->value)) return std::optional(*flag);
  return expected(key, "true or false");
}

Result<std::optional<double>> Fields::number(std::string_view key, double least, double greatest) const {
  const Json* value = find(key);
  if (value == nullptr) return std::optional<double>();
  const std::optional<double> number = as_double(*value);
  if (!number || !(*number >= least && *number <= greatest)) return expected(key, fmt::format("a number, {} to {}", least, greatest));
  return number;
}

Result<std::optional<int>> Fields::whole(std::string_view key, int least, int greatest) const {
  const Json* value = find(key);
  if (value == nullptr) return std::optional<int>();
  const auto* whole = std::get_if<int64_t>(&value->value);
  if (whole == nullptr || *whole < least || *whole > greatest)
    return expected(key, fmt::format("a whole number, {} to {}", least, greatest));
  return std::optional(static_cast<int>(*whole));
}

Result<const Json::Array*> Fields::list(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) return static_cast<const Json::Array*>(nullptr);
  if (value->array() == nullptr) return expected(key, "a list");
  return value->array();
}

Result<std::optional<Fields>> Fields::object(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::optional<Fields>();
  HB_TRY_ASSIGN(fields, of(*value, path(key)));
  return std::optional(std::move(fields));
}

Result<void> read_sampling(const Fields& fields, std::string_view SamplingField::* name, SamplingOptions& options) {
  for (const SamplingField& field : kSamplingFields) {
    const std::string_view key = field.*name;
    if (key.empty()) continue;
    HB_TRY(std::visit(
        [&]<class T>(const SamplingRange<T>& range) -> Result<void> {
          if constexpr (std::is_same_v<T, float>) {
            HB_TRY_ASSIGN(value, fields.number(key, range.least, range.greatest));
            if (value) options.*range.member = static_cast<float>(*value);
          } else if constexpr (std::is_same_v<T, int>) {
            HB_TRY_ASSIGN(value, fields.whole(key, range.least, range.greatest));
            if (value) options.*range.member = value;
          } else {
            HB_TRY_ASSIGN(value, seed_at(fields, key));
            if (value) options.*range.member = value;
          }
          return {};
        },
        field.range));
  }
  return {};
}

Result<void> read_reply_fields(const Fields& fields, std::string_view ReplyField<CompletionOptions>::* name, CompletionOptions& options) {
  for (const ReplyField<CompletionOptions>& field : kReplyFields<CompletionOptions>) {
    const std::string_view key = field.*name;
    if (key.empty() || field.name == "logprobs") continue;
    HB_TRY(std::visit(
        [&](const auto member) -> Result<void> {
          using T = std::remove_cvref_t<decltype(options.*member)>;
          if constexpr (std::is_same_v<T, bool>) {
            HB_TRY_ASSIGN(value, fields.flag(key));
            if (value) options.*member = *value;
          } else if constexpr (std::is_same_v<T, double>) {
            HB_TRY_ASSIGN(value, fields.number(key, field.least, field.greatest));
            if (value) options.*member = *value;
          } else {
            HB_TRY_ASSIGN(value, fields.whole(key, static_cast<int>(field.least), static_cast<int>(field.greatest)));
            if (value) options.*member = *value;
          }
          return {};
        },
        field.member));
  }
  return {};
}

Result<std::vector<std::string>> read_stop(const Fields& fields) {
  const Json* value = fields.find("stop");
  std::vector<std::string> stop;
  if (value == nullptr) return stop;
  constexpr std::string_view kOne = "text that is not empty, or a list of such";
  if (const std::string* one = value->text()) {
    if (one->empty()) return fields.expected("stop", kOne);
    stop.push_back(*one);
    return stop;
  }
  if (value->array() == nullptr) return fields.expected("stop", kOne);
  if (value->array()->size() > kMostStops)
    return invalid("{}: expected at most {} texts, found {}", fields.path("stop"), kMostStops, value->array()->size());
  for (const Json& each : *value->array()) {
    if (each.text() == nullptr || each.text()->empty())
      return invalid("{}[{}]: expected text that is not empty, found {}", fields.path("stop"), stop.size(), shown_value(each));
    stop.push_back(*each.text());
  }
  return stop;
}

}  // namespace halfbyte
