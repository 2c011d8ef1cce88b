// Which tokens' states make the embedding of a text.
#pragma once

namespace halfbyte {

enum class Pooling { kMean, kLast, kFirst };  // the mean of all, the last one's, the first one's

}  // namespace halfbyte
