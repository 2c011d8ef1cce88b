// Numbers typed by a person, and the range they must lie in.
#pragma once

#include <string_view>

#include "halfbyte/result.h"

namespace halfbyte {

// For int, uint64_t and float. kInvalid says what was found and what was expected; it does not know the option's name.
template <class T>
Result<T> parse_number(std::string_view text, T least, T greatest);

}  // namespace halfbyte
