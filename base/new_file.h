// A file that is written beside the name it will have: whoever opens that name meets what was there before, or the whole of the new.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "halfbyte/result.h"

namespace halfbyte {

// What has not been published is removed with this object. Every failure is kIo and names the file.
class NewFile {
 public:
  // Opened for writing beside `path`, in the same folder; readable by its owner alone.
  static Result<std::unique_ptr<NewFile>> create(const std::filesystem::path& path);

  virtual ~NewFile() = default;
  virtual Result<void> write(std::string_view bytes) = 0;  // all of them, after those written before
  virtual Result<void> sync() = 0;                         // to the disk
  virtual Result<void> publish() = 0;                      // under its name, in the place of what was there; the last call
};

}  // namespace halfbyte
