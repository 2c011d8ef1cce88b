// halfbyte version
#include "cli/commands.h"
#include "cli/output.h"

namespace halfbyte {

Action declare_version(Arguments&) {
  return []() -> Result<int> {
    print("halfbyte " HALFBYTE_VERSION "\n");
    return 0;
  };
}

}  // namespace halfbyte
