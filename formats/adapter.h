// A low-rank adapter (LoRA, Hu et al. 2021, arXiv 2106.09685) as values: which matrices it changes, where A and B lie, and their scale.
// W becomes W + scale B A. Either form comes out under GGUF's names and with GGUF's order of rows, as checkpoints do:
// a GGUF file of type "adapter", or a PEFT directory (adapter_config.json, adapter_model.safetensors).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "formats/checkpoint.h"

namespace halfbyte {

// What must be known of the model that an adapter is for: its names, and the heads by which its rows are ordered.
struct AdapterBase {
  std::string architecture;
  uint64_t heads = 0, kv_heads = 0;
};

struct LowRankTensors {
  std::string name;  // of the matrix: "blk.0.attn_q.weight"
  TensorLocation a;  // rank x columns
  TensorLocation b;  // rows x rank
  double scale = 1;
};

// Each change has both of its tensors, with two dimensions and one rank. Whether the model has the matrix, and of that shape, is not known here.
struct AdapterCheckpoint {
  Checkpoint file;                      // reads the tensors
  std::vector<LowRankTensors> changes;  // by name; at least one
};

// Opens a PEFT directory (or the .safetensors file in it), else a GGUF file. kUnsupported names what the adapter asks for beyond A and B:
// another architecture, another method, biases, whole modules, embeddings. kCorrupt names the tensor.
Result<AdapterCheckpoint> open_adapter(const std::filesystem::path& path, const AdapterBase& base, const World& world = this_machine());

}  // namespace halfbyte
