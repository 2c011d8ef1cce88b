// What may be asked of a reply as a whole.
#pragma once

namespace halfbyte {

// A reply goes in circles when its last tokens are one pattern of so many tokens, min_count times in a row.
struct RepetitionDetection {
  int max_pattern_size = 64;  // at most 1024
  int min_pattern_size = 1;
  int min_count = 8;  // 2 to 1024
};

// Looks for the replies that are likeliest as a whole: of all that may follow `width` beginnings the `width` likeliest go on, and what ends is
// whole if it is among them. A reply's score is the sum of its tokens' log-probabilities, an end token's too, by their number to the power
// of length_penalty: above 0 longer replies score better.
struct BeamSearch {
  int width = 4;  // 1 to 16
  float length_penalty = 1;
  bool early_stopping = false;  // ends with `width` whole replies; false: also no beginning's score, as it is, is better than all of theirs
};

}  // namespace halfbyte
