// The values of a `.env` file, as python-dotenv reads it: quotes, escapes, comments, `export`, values of several lines, ${NAME}.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "halfbyte/result.h"

namespace halfbyte {

// The last value of `name`; none where the file or the name is not there or the value is empty. Any other failure names the file:
// kIo and kInvalid where it cannot be read, kCorrupt for an encoding other than UTF-8, or UTF-16 with a byte order mark.
Result<std::optional<std::string>> dotenv_value(const std::filesystem::path& file, const std::string& name);

using Environment = std::function<std::optional<std::string>(const std::string& name)>;
// Every name's last value, in UTF-8; empty for a name without one. A value takes ${NAME} from those before it, else from
// `environment`. A line that is no assignment is passed over, as are bytes of another encoding in a comment.
Result<std::map<std::string, std::string>> parse_dotenv(std::string_view content, const Environment& environment);

}  // namespace halfbyte
