// What the tests of this room share: recorded files, and vocabularies made by hand.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "formats/checkpoint.h"
#include "text/tokenizer.h"

namespace halfbyte {

inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

inline std::string vocabulary_path(const std::string& family) { return HALFBYTE_TEST_DATA "/tokenizers/ggml-vocab-" + family + ".gguf"; }

// A model fetched for local tests; empty when HALFBYTE_MODELS names no folder that has it.
inline std::string model_path(const std::string& name) {
  const char* folder = std::getenv("HALFBYTE_MODELS");
  const std::string path = folder == nullptr ? std::string() : std::string(folder) + "/" + name + ".gguf";
  return std::filesystem::exists(path) ? path : std::string();
}

// Null, and a failed test, when it does not open.
inline std::unique_ptr<Tokenizer> open_tokenizer(const std::filesystem::path& path) {
  auto checkpoint = open_gguf(path);
  if (!checkpoint) {
    ADD_FAILURE() << checkpoint.error().message;
    return nullptr;
  }
  auto tokenizer = Tokenizer::open(checkpoint->metadata);
  if (!tokenizer) {
    ADD_FAILURE() << tokenizer.error().message;
    return nullptr;
  }
  return std::move(*tokenizer);
}

}  // namespace halfbyte
