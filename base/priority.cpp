#include "base/priority.h"

#if defined(__linux__)
#include <sys/resource.h>
#endif

namespace halfbyte {

void take_lowest_priority() {
#if defined(__linux__)
  // 0 is this thread, and not the process as elsewhere. A share of 1.5 % beside one busy program: SCHED_IDLE would leave so little
  // that ending took seconds.
  setpriority(PRIO_PROCESS, 0, 19);
#endif
}

}  // namespace halfbyte
