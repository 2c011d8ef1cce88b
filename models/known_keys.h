// What general.architecture's own keys may say, beyond what a family's maker reads and checks: the tables behind models.cpp.
#pragma once

#include <span>

#include "formats/known_keys.h"

namespace halfbyte {

extern const std::span<const KnownKey> kDecoderKeys;  // read_dims() reads these, or every formula of ours has them at one value
extern const std::span<const KnownKey> kRopeKeys;     // read_rope()
extern const std::span<const KnownKey> kLlamaKeys, kQwenKeys, kQwen3MoeKeys, kGemma3Keys, kGpt2Keys;

}  // namespace halfbyte
