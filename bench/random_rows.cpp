#include "bench/random_rows.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <span>

#include "base/float16.h"
#include "quant/floats.h"
#include "quant/mxfp4.h"
#include "quant/q4_0.h"
#include "quant/q4_1.h"
#include "quant/q4_k.h"
#include "quant/q5_0.h"
#include "quant/q5_1.h"
#include "quant/q5_k.h"
#include "quant/q6_k.h"
#include "quant/q8_0.h"

namespace halfbyte {
namespace {

void fill(std::span<uint8_t> bytes, Random& random) {
  for (size_t i = 0; i < bytes.size(); i += 8) {
    const uint64_t eight = random();
    std::memcpy(bytes.data() + i, &eight, std::min<size_t>(8, bytes.size() - i));
  }
}

template <class Block>
Block random_bits(Random& random) {
  Block block;
  fill({reinterpret_cast<uint8_t*>(&block), sizeof block}, random);
  return block;
}

// Uniform integers of b bits have the deviation (2^b) / sqrt(12): 4.61 for 4 bits, 9.23 for 5, 18.5 for 6, 73.9 for 8.
// A random sign of the scale hides that their mean is not exactly the format's zero.
uint16_t scale_of_either_sign(float scale, Random& random) { return float_to_half((random() & 1) != 0 ? scale : -scale); }

// s = m in all runs, each in 32..47, so that the minimum centres its run; mean of the integers `middle`.
template <class Block>
Block centred_runs(float d, float middle, Random& random) {
  Block block = random_bits<Block>(random);
  for (size_t j = 0; j < 4; ++j) {
    const auto low = static_cast<uint8_t>(32 | (block.scales[j] & 15)), high = static_cast<uint8_t>(block.scales[j + 4] & 15);
    block.scales[j] = block.scales[j + 4] = static_cast<uint8_t>(low | (2 << 6));
    block.scales[j + 8] = static_cast<uint8_t>(high << 4 | high);
  }
  block.d = float_to_half(d);
  block.dmin = float_to_half(middle * d);
  return block;
}

template <class Block>
Block with_scale(float d, Random& random) {
  Block block = random_bits<Block>(random);
  block.d = scale_of_either_sign(d, random);
  return block;
}
template <class Block>
Block with_minimum(float d, float middle, Random& random) {
  Block block = random_bits<Block>(random);
  block.d = float_to_half(d);
  block.m = float_to_half(-middle * d);
  return block;
}

template <class Block>
Block random_block(float deviation, Random& random);

template <>
Q4_0 random_block<Q4_0>(float deviation, Random& random) {
  return with_scale<Q4_0>(deviation / 4.61F, random);
}
template <>
Q4_1 random_block<Q4_1>(float deviation, Random& random) {
  return with_minimum<Q4_1>(deviation / 4.61F, 7.5F, random);
}
template <>
Q5_0 random_block<Q5_0>(float deviation, Random& random) {
  return with_scale<Q5_0>(deviation / 9.23F, random);
}
template <>
Q5_1 random_block<Q5_1>(float deviation, Random& random) {
  return with_minimum<Q5_1>(deviation / 9.23F, 15.5F, random);
}
template <>
Q8_0 random_block<Q8_0>(float deviation, Random& random) {
  return with_scale<Q8_0>(deviation / 73.9F, random);
}
template <>
Q4_K random_block<Q4_K>(float deviation, Random& random) {
  return centred_runs<Q4_K>(deviation / (4.61F * 40), 7.5F, random);
}
template <>
Q5_K random_block<Q5_K>(float deviation, Random& random) {
  return centred_runs<Q5_K>(deviation / (9.23F * 40), 15.5F, random);
}
template <>
Q6_K random_block<Q6_K>(float deviation, Random& random) {
  Q6_K block = random_bits<Q6_K>(random);
  for (int8_t& s : block.scales) {
    const int magnitude = 32 + (s & 31);
    s = static_cast<int8_t>((s & 32) != 0 ? magnitude : -magnitude);
  }
  block.d = float_to_half(deviation / (18.5F * 48));
  return block;
}
template <>
MXFP4 random_block<MXFP4>(float deviation, Random& random) {
  MXFP4 block = random_bits<MXFP4>(random);
  // The deviation of the 16 levels is 2.93; the scale is a power of two.
  block.e = static_cast<uint8_t>(127 + std::lround(std::log2(deviation / 2.93F)));
  return block;
}

// Uniform with sqrt(12) for the deviation's inverse.
float uniform(float deviation, Random& random) { return (static_cast<float>(random() >> 40) * 0x1p-24F - 0.5F) * 3.4641F * deviation; }
template <>
F32 random_block<F32>(float deviation, Random& random) {
  return {uniform(deviation, random)};
}
template <>
F16 random_block<F16>(float deviation, Random& random) {
  return {float_to_half(uniform(deviation, random))};
}
template <>
BF16 random_block<BF16>(float deviation, Random& random) {
  return {static_cast<uint16_t>(std::bit_cast<uint32_t>(uniform(deviation, random)) >> 16)};
}

template <class Block>
std::string random_row(uint64_t columns, float deviation, Random& random) {
  std::string row(columns / Block::kLength * sizeof(Block), '\0');
  for (size_t at = 0; at < row.size(); at += sizeof(Block)) {
    const Block block = random_block<Block>(deviation, random);
    std::memcpy(row.data() + at, &block, sizeof block);
  }
  return row;
}

}  // namespace

MakeRandomRow* random_row_of(std::string_view format) {
  struct Generator {
    std::string_view format;
    MakeRandomRow* make;
  };
  static constexpr Generator kGenerators[] = {
      {"F32", random_row<F32>},   {"F16", random_row<F16>},   {"BF16", random_row<BF16>}, {"Q4_0", random_row<Q4_0>},
      {"Q4_1", random_row<Q4_1>}, {"Q5_0", random_row<Q5_0>}, {"Q5_1", random_row<Q5_1>}, {"Q8_0", random_row<Q8_0>},
      {"Q4_K", random_row<Q4_K>}, {"Q5_K", random_row<Q5_K>}, {"Q6_K", random_row<Q6_K>}, {"MXFP4", random_row<MXFP4>},
  };
  for (const Generator& g : kGenerators)
    if (g.format == format) return g.make;
  return nullptr;
}

}  // namespace halfbyte
