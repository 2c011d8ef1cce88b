// What follows from the list of sampling options (include/halfbyte/sampling.h).
#pragma once

#include <string>

#include "halfbyte/result.h"
#include "halfbyte/sampling.h"

namespace halfbyte {

// kInvalid names the field, its range and its value.
Result<void> check(const SamplingOptions& options);

// `options` with their defaults where they say nothing: every field is there.
SamplingOptions with_defaults(SamplingOptions options);

// `options` with those of `others` where they say nothing.
SamplingOptions with_others(SamplingOptions options, const SamplingOptions& others);

bool is_given(const SamplingField& field, const SamplingOptions& options);
// It is absent, or does nothing.
bool is_neutral(const SamplingField& field, const SamplingOptions& options);
std::string value_text(const SamplingField& field, const SamplingOptions& options);  // of an absent one its default

}  // namespace halfbyte
