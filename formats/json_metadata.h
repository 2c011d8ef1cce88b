// A JSON object as Metadata, so that its values are asked for by type and refused by name.
#pragma once

#include "base/json.h"
#include "formats/checkpoint.h"

namespace halfbyte {

// Members of nested objects get keys such as "rope_scaling.factor". Null is as good as absent. An array
// whose elements are of several kinds is its text. `path` names the text in messages.
Result<Metadata> metadata_of(const Json& object, std::string path);

}  // namespace halfbyte
