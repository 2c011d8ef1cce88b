// A small random adapter of a tiny model, in each form that adapters come in, and merged into the model's weights.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "models/tiny_model.h"

namespace halfbyte {

struct TinyAdapter {
  int rank = 4;
  float alpha = 8;  // the scale is alpha / rank
  uint64_t seed = 1;
  bool is_zero = false;  // B is
  std::vector<std::string> targets = {"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"};
  // A last-minute change, for tests of refusal.
  std::function<void(std::vector<std::string>& entries, std::vector<TinyModel::TensorBytes>& tensors)> change = {};

  struct Change {
    std::string name;  // "blk.0.attn_q"
    int rows = 0, columns = 0;
    std::vector<float> a, b;  // rank x columns, rows x rank
  };
  std::vector<Change> changes(const TinyModel& model) const;
  std::string gguf(const TinyModel& model) const;
  // The model, F32, with W + alpha / rank B A for W.
  TinyModel merged(const TinyModel& model) const;
  // A directory as PEFT writes it: config and tensors, the rows of q and k in transformers' order. `settings`: more members of the config.
  void write_peft(const TinyModel& model, const std::filesystem::path& folder, const std::string& settings = {}) const;
};

// Files of a test under the temporary folder; gone with this object.
class TinyAdapterFile {
 public:
  TinyAdapterFile(const TinyModel& model, const TinyAdapter& adapter);
  ~TinyAdapterFile();
  TinyAdapterFile(const TinyAdapterFile&) = delete;
  TinyAdapterFile& operator=(const TinyAdapterFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace halfbyte
