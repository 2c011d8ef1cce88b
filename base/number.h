// Numbers typed by a person, and the range they must lie in.
#pragma once

#include <cstdint>
#include <string_view>

#include "halfbyte/result.h"

namespace halfbyte {

// For int, uint64_t and float. kInvalid says what was found and what was expected; it does not know the option's name.
template <class T>
Result<T> parse_number(std::string_view text, T least, T greatest);

// Bytes, at least one: 1500000, 500M, 2G (powers of 1000), 2Gi (of 1024). kInvalid as above.
Result<uint64_t> parse_size(std::string_view text);

}  // namespace halfbyte
