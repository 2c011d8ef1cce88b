// Oniguruma, for tests: what it finds is what our own engine is to find. Its header and gtest's do not go into one file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace halfbyte {

class Oniguruma {
 public:
  explicit Oniguruma(std::string_view pattern);
  ~Oniguruma();
  Oniguruma(const Oniguruma&) = delete;
  Oniguruma& operator=(const Oniguruma&) = delete;

  const std::string& refusal() const { return refusal_; }  // empty: none

  // Begins and ends of all matches, as the tokenizers library goes through a text, but asked for at one place after another: the search
  // has shortcuts that miss some, (?<=a)\z and (?=b).*c. Nothing where Oniguruma gives up.
  std::optional<std::vector<std::pair<uint32_t, uint32_t>>> matches(std::string_view text) const;

 private:
  void* regex_ = nullptr;
  std::string refusal_;
};

}  // namespace halfbyte
