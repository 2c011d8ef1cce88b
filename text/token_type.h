// What kinds of token a vocabulary tells apart.
#pragma once

#include <cstdint>

namespace halfbyte {

enum class TokenType : uint8_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };  // GGUF's numbers

}  // namespace halfbyte
