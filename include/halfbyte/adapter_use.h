// Which low-rank adapters a request asks for.
#pragma once

#include <string>

namespace halfbyte {

// An adapter's change of the model times `scale`, which comes on top of the adapter's own; 0: as if it were not asked for.
struct AdapterUse {
  std::string name;
  float scale = 1;
};

}  // namespace halfbyte
