// Rotary position embedding as a model file describes it: base, scaling of long contexts, per-frequency factors.
#pragma once

#include "formats/checkpoint.h"
#include "models/formula.h"

namespace halfbyte {

enum class RopeScaling { kNone, kLinear, kYarn };

struct RopeSettings {
  Pairing pairing = Pairing::kHalves;
  int dims = 0;  // of a head that turn; even
  double base = 10000;
  RopeScaling scaling = RopeScaling::kNone;
  double factor = 1;            // the context is this much longer than the one trained on
  double original_context = 0;  // YaRN
  double fast = 32, slow = 1;   // YaRN: turns within it, above which a pair is kept and below which it is stretched
  double attention_factor = 1;  // multiplies the magnitude
};

// From ARCH.rope.*, with llama.cpp's meaning: a factor without a type is linear, and older files have it as "scale_linear". kUnsupported
// names a scaling type or a setting this build does not know.
Result<RopeSettings> read_rope(const Metadata& metadata, std::string_view architecture, const Dims& dims, Pairing pairing);

// inverse_frequency[i] = base^(-2i/dims), divided by factors[i] where there are any (llama3), then scaled.
// Linear: Chen et al. 2023 (arXiv 2306.15595). YaRN: Peng et al. 2023 (arXiv 2309.00071), sections 3.2 and 3.4.
Rope make_rope(const RopeSettings& settings, const float* factors);

}  // namespace halfbyte
