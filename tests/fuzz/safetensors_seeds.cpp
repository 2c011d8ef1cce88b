// safetensors_seeds FOLDER: writes the generated good and malformed safetensors files, to begin fuzzing with.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "formats/safetensors_samples.h"

using namespace halfbyte;

namespace {

constexpr size_t kGreatestSeed = 4096;  // large seeds make every run slow; what they show is in the tests

bool write_seed(const std::filesystem::path& folder, size_t number, const std::string& bytes) {
  if (bytes.size() > kGreatestSeed) return true;
  std::ofstream out(folder / ("sample-" + std::to_string(number)), std::ios::binary);
  out << bytes;
  return static_cast<bool>(out.flush());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: safetensors_seeds FOLDER\n", stderr);
    return 2;
  }
  size_t number = 0;
  bool ok = true;
  for (const GoodSafetensors& good : good_safetensors_samples()) ok = write_seed(argv[1], number++, good.bytes) && ok;
  for (const MalformedSafetensors& malformed : malformed_safetensors_samples()) ok = write_seed(argv[1], number++, malformed.bytes) && ok;
  if (!ok) std::fprintf(stderr, "safetensors_seeds: cannot write to %s\n", argv[1]);
  return ok ? 0 : 1;
}
