#include "sampling/random.h"

namespace halfbyte {
namespace {

uint64_t mixed(uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

}  // namespace

double uniform_at(uint64_t seed, uint64_t position, uint64_t draw) {
  const uint64_t first = mixed(mixed(seed) ^ mixed(~position));
  return static_cast<double>((draw == 0 ? first : mixed(first ^ draw)) >> 11) * 0x1p-53;
}

}  // namespace halfbyte
