#include "base/replace_file.h"

#include <system_error>

#include "base/errors.h"

namespace halfbyte {

Result<void> replace_file(const std::filesystem::path& path, std::string_view text, const World& world) {
  std::error_code failed;
  std::filesystem::create_directories(path.parent_path(), failed);
  if (failed) return io_error("{}: cannot make the folder: {}", path.parent_path().string(), failed.message());
  HB_TRY_ASSIGN(file, world.create(path));
  HB_TRY(file->write(text));
  HB_TRY(file->sync());
  return file->publish();
}

}  // namespace halfbyte
