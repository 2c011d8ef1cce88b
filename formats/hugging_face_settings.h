// What config.json and its neighbours may say: the tables behind their readers.
#pragma once

#include <span>

#include "formats/known_keys.h"

namespace halfbyte {

extern const std::span<const KnownKey> kConfigSettings;   // of every model_type
extern const std::span<const KnownKey> kDecoderSettings;  // read by all but gpt2
extern const std::span<const KnownKey> kQwen3MoeSettings, kGemma3Settings, kGpt2Settings;
extern const std::span<const KnownKey> kGenerationSettings;  // generation_config.json

}  // namespace halfbyte
