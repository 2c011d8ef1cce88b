// The members of one object of a tokenizer.json, read strictly: a member of another type is refused with its place, and so is,
// when all known ones were asked for, any member left over: it would mean something that is not done here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "halfbyte/result.h"

namespace halfbyte::tokenizer_json {

class Fields {
 public:
  // `where` is the object's place: "dir/tokenizer.json: model".
  static Result<Fields> of(const Json& value, std::string where);

  const std::string& where() const { return where_; }
  std::string place(std::string_view key) const { return where_ + "." + std::string(key); }

  const Json* take(std::string_view key);  // null: absent, or null in the file
  void skip(std::string_view key);         // known, and of no consequence to us
  Result<std::string> text(std::string_view key);
  Result<std::optional<std::string>> optional_text(std::string_view key);
  Result<bool> flag(std::string_view key, std::optional<bool> fallback = std::nullopt);
  Result<uint64_t> count(std::string_view key, uint64_t least, uint64_t greatest, std::optional<uint64_t> fallback = std::nullopt);
  Result<char32_t> character(std::string_view key);
  Result<const Json::Array*> array(std::string_view key);
  // kUnsupported names the first member that nobody asked for.
  Result<void> finish() const;

 private:
  Fields(const Json::Object& members, std::string where) : members_(&members), where_(std::move(where)), is_taken_(members.size()) {}
  const Json::Object* members_;
  std::string where_;
  std::vector<bool> is_taken_;
};

Error expected(std::string_view place, std::string_view what, const Json* found);
// Null: no integer of 0 or more.
std::optional<uint64_t> whole_number(const Json& value);
std::optional<double> any_number(const Json& value);

}  // namespace halfbyte::tokenizer_json
