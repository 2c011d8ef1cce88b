// Good and malformed GGUF files, made in memory: tests check them all, fuzzers begin with them.
#pragma once

#include <string>
#include <vector>

#include "halfbyte/result.h"

namespace halfbyte {

struct GoodGguf {
  std::string name;
  std::string bytes;
  std::vector<std::string> warnings;  // after the path
};

struct MalformedGguf {
  std::string name;
  std::string bytes;
  Code code;
  std::string message;  // after the path
};

std::vector<GoodGguf> good_gguf_samples();
std::vector<MalformedGguf> malformed_gguf_samples();

}  // namespace halfbyte
