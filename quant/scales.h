// How blocks store their scales.
#pragma once

#include <cstddef>
#include <cstdint>

namespace halfbyte {

inline bool is_finite_half(uint16_t h) { return (h & 0x7c00u) != 0x7c00u; }

// Scale and minimum, 6 bits each, of the 8 runs of 32 values in a block of Q4_K or Q5_K.
//
//     byte 0..3     run 0..3:  s(j+4)[5:4] | s(j)[5:0]
//     byte 4..7     run 0..3:  m(j+4)[5:4] | m(j)[5:0]
//     byte 8..11    run 4..7:  m(j)[3:0]   | s(j)[3:0]
struct RunScale {
  uint8_t scale;
  uint8_t minimum;
};
inline RunScale run_scale(const uint8_t (&packed)[12], size_t run) {
  if (run < 4) return {static_cast<uint8_t>(packed[run] & 63), static_cast<uint8_t>(packed[run + 4] & 63)};
  return {static_cast<uint8_t>((packed[run + 4] & 15) | (packed[run - 4] >> 6 << 4)),
          static_cast<uint8_t>((packed[run + 4] >> 4) | (packed[run] >> 6 << 4))};
}

}  // namespace halfbyte
