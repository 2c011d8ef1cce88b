// Members of a request's JSON as every dialect reads them: absent and null are nothing, and a wrong type or a number out of range is
// kInvalid with the member's path: "messages[0].role: expected text, found 3".
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "halfbyte/backend.h"
#include "halfbyte/reply_fields.h"

namespace halfbyte {

std::string shown_value(const Json& value);  // for a message: its type, and a number's digits; never what a user wrote

class Fields {
 public:
  // `object` outlives it. `path` stands before a member's name in messages, with its dot.
  explicit Fields(const Json::Object& object, std::string path = "") : object_(object), path_(std::move(path)) {}
  // Of a value that has to be an object.
  static Result<Fields> of(const Json& value, const std::string& path);

  const Json* find(std::string_view key) const;  // null: nothing
  std::string path(std::string_view key) const { return path_ + std::string(key); }
  // "KEY: expected WHAT, found ...". Requires: it is there.
  Error expected(std::string_view key, std::string_view what) const;

  Result<std::optional<std::string>> text(std::string_view key) const;
  Result<std::optional<bool>> flag(std::string_view key) const;
  Result<std::optional<double>> number(std::string_view key, double least, double greatest) const;
  Result<std::optional<int>> whole(std::string_view key, int least, int greatest) const;
  Result<const Json::Array*> list(std::string_view key) const;  // null: nothing
  Result<std::optional<Fields>> object(std::string_view key) const;

 private:
  std::reference_wrapper<const Json::Object> object_;
  std::string path_;
};

// The options that the two lists have, under the names that a dialect has for them; those without a name it has not.
Result<void> read_sampling(const Fields& fields, std::string_view SamplingField::* name, SamplingOptions& options);
// All but logprobs, which every dialect writes in its own way.
Result<void> read_reply_fields(const Fields& fields, std::string_view ReplyField<CompletionOptions>::* name, CompletionOptions& options);

// A text or a list of texts, none empty.
Result<std::vector<std::string>> read_stop(const Fields& fields);

}  // namespace halfbyte
