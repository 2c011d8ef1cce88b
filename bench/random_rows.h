// Rows of random weights in a number format, around 0 with a given deviation.
#pragma once

#include <random>
#include <string>
#include <string_view>

namespace halfbyte {

using Random = std::mt19937_64;

// The bytes of one row of `columns` weights; `columns` is a multiple of the format's block.
using MakeRandomRow = std::string(uint64_t columns, float deviation, Random& random);
// Null: no generator for this format.
MakeRandomRow* random_row_of(std::string_view format);

}  // namespace halfbyte
