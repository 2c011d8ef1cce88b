// Rotary settings of config.json, in transformers 5's form (rope_parameters) and in the older one (rope_theta and rope_scaling).
#pragma once

#include <string_view>
#include <vector>

#include "formats/checkpoint.h"

namespace halfbyte {

// Puts ARCH.rope.* into `out` for heads of `head_dim`, and llama3's divisors of the frequencies into `factors`. `layers` is the kind of
// layer whose settings are read where kinds have their own ("full_attention"). kUnsupported names the setting.
Result<void> read_rope_settings(const Metadata& config, std::string_view layers, std::string_view architecture, uint64_t head_dim,
                                Metadata& out, std::vector<float>& factors);

// The base of layers with a sliding window, where they have their own; they are never scaled.
Result<double> sliding_rope_base(const Metadata& config);

}  // namespace halfbyte
