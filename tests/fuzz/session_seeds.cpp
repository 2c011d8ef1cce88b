// Writes the corpus session_fuzz begins with: sessions without their checksums, which it makes.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: session_seeds FOLDER\n");
    return 2;
  }
  int number = 0;
  const auto write = [&](const std::vector<uint64_t>& numbers, const std::string& rest) {
    std::ofstream file(std::string(argv[1]) + "/seed-" + std::to_string(number++), std::ios::binary);
    file << "halfbyte session 1\n";
    file.write(reinterpret_cast<const char*>(numbers.data()), static_cast<std::streamsize>(numbers.size() * sizeof(uint64_t)));
    file << rest;
  };
  const std::string said = "modelnote", tokens(12, '\1');
  write({5, 4, 3, 0, 0}, said + tokens);
  write({5, 4, 3, 2, 1, 0, 8}, said + tokens + std::string(16, 'k'));
  write({5, 4, 3, 2, 2, 0, 8, 1, 4}, said + tokens + std::string(20, 'k'));
  write({5, 4, 3, 2, 1, 3, 8}, said + tokens);
  write({5, 4, 3, uint64_t{1} << 61, 1, 0, 8}, said + tokens);
  write({0, 0, 0, uint64_t{1} << 61, 1, 0, 0}, "");
  return 0;
}
