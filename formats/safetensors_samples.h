// Generated safetensors files, good and malformed, with the message each malformed one must give: tests check them all, fuzzers begin
// with them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace halfbyte {

struct GoodSafetensors {
  std::string name;
  std::string bytes;
};

struct MalformedSafetensors {
  std::string name;
  std::string bytes;
  std::string message;  // after the path
};

// The header's length, the header, the data.
std::string safetensors_file(std::string_view header, std::string_view data = {});

std::vector<GoodSafetensors> good_safetensors_samples();
std::vector<MalformedSafetensors> malformed_safetensors_samples();

}  // namespace halfbyte
