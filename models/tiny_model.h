// A small random llama, or mixture of experts, as a GGUF file, for tests of everything above formats/.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace halfbyte {

struct TinyModel {
  int layers = 2, width = 64, ffn = 96, heads = 4, kv_heads = 2, context = 1024, window = 0;
  int experts = 0, experts_used = 3;  // with experts: a qwen3moe, ffn that of each
  std::string format = "F32";         // of the matrices: F32, Q8_0 or Q4_1
  uint64_t seed = 1;
  // Last-minute changes, for tests of refusal.
  std::function<void(std::vector<std::pair<std::string, std::string>>& entries)> change_entries;  // key -> bytes of the whole entry
  struct TensorBytes {
    std::string name;
    std::vector<uint64_t> shape;  // slowest first
    std::string data;
    bool is_matrix = false;
  };
  std::function<void(std::vector<TensorBytes>& tensors)> change_tensors;

  static constexpr int kVocabulary = 258;  // 256 bytes, "ab", and the end token
  static constexpr int kEndToken = 257;
  std::string bytes() const;
};

// Writes the model to a file of its own under the test's temporary folder; the file goes with this object.
class TinyModelFile {
 public:
  explicit TinyModelFile(const TinyModel& model = {});
  ~TinyModelFile();
  TinyModelFile(const TinyModelFile&) = delete;
  TinyModelFile& operator=(const TinyModelFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace halfbyte
