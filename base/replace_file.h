// Writing a small file so that a reader meets the old text or the new one, never a part.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/world.h"

namespace halfbyte {

// Written beside, flushed to the disk and renamed; readable by its owner alone. Makes the folder where it is missing. On an
// error (kIo) the old file is unchanged and nothing is left behind.
Result<void> replace_file(const std::filesystem::path& path, std::string_view text, const World& world = this_machine());

}  // namespace halfbyte
