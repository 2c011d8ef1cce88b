// SentencePiece's "precompiled charsmap": what short runs of characters become, in a double array.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "halfbyte/result.h"

namespace halfbyte::tokenizer_json {

class Charsmap {
 public:
  // `encoded` is base64 of: bytes of the array (u32), the array's u32 units, the replacements with a 0 after each; little-endian.
  static Result<Charsmap> decode(std::string_view encoded, std::string_view where);

  std::string apply(std::string_view text) const;

 private:
  // What the shortest known beginning of `part` becomes: the library takes the first that the array finds for all of `part`.
  std::optional<std::string_view> replacement(std::string_view part) const;

  std::vector<uint32_t> units_;
  std::string replacements_;
};

}  // namespace halfbyte::tokenizer_json
