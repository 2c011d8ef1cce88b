// Sampling options as services take them.
#pragma once

#include <string_view>

#include "base/json.h"
#include "halfbyte/sampling.h"

namespace halfbyte {

// Adds those that are given to `fields`, under the names that the service has for them. kUnsupported: it has none for one that is not
// neutral; a neutral one is what it does anyhow.
Result<void> add_sampling(Json::Object& fields, const SamplingOptions& options, std::string_view SamplingField::* name,
                          std::string_view service);

}  // namespace halfbyte
