// Work that must not be felt.
#pragma once

namespace halfbyte {

// From now on the calling thread, and those it starts, get hardly any time of processors that others want, where the system knows how.
void take_lowest_priority();

}  // namespace halfbyte
