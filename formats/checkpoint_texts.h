// The texts that stand beside a checkpoint's weights: a folder's files, or memory in tests.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "halfbyte/result.h"

namespace halfbyte {

class CheckpointTexts {
 public:
  virtual ~CheckpointTexts() = default;
  virtual std::string where() const = 0;  // the checkpoint, in messages
  virtual std::string path_of(std::string_view name) const = 0;
  // The whole of a file of at most `limit` bytes; nothing when it is not there.
  virtual Result<std::optional<std::string>> text(std::string_view name, uint64_t limit) const = 0;
  // The same as a JSON object, in the form that Python writes.
  Result<std::optional<Json>> json(std::string_view name, uint64_t limit) const;
};

}  // namespace halfbyte
