// One value out of a `.env` file: lines of NAME=value, `export` allowed, quotes taken off, # begins a comment.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace halfbyte {

// The last value of `name`; none where the file or the name is not there or the value is empty.
std::optional<std::string> dotenv_value(const std::filesystem::path& file, std::string_view name);
std::optional<std::string> dotenv_value_in(std::string_view text, std::string_view name);

}  // namespace halfbyte
