// The number a model knows a piece of text by.
#pragma once

#include <cstdint>

namespace halfbyte {

using Token = int32_t;

}  // namespace halfbyte
