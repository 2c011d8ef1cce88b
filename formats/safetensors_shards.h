// The weights of a Hugging Face checkpoint: model.safetensors, or the shards that model.safetensors.index.json names.
#pragma once

#include <string_view>
#include <vector>

#include "formats/checkpoint.h"
#include "formats/checkpoint_folder.h"
#include "formats/safetensors.h"

namespace halfbyte {

struct StoredTensor {
  SafetensorsEntry entry;
  uint32_t file = 0;  // index into StoredTensors::files
};

struct StoredTensors {
  std::vector<StoredTensor> tensors;
  std::vector<std::unique_ptr<const ByteSource>> files;
  std::vector<std::string> warnings;
};

// `file`: the .safetensors file or the index to read; empty: the usual names. Of an index: shards are plain file names in the folder,
// and each weight it names is in the shard it names and in no other.
Result<StoredTensors> open_safetensors(const CheckpointFolder& folder, std::string_view file);

}  // namespace halfbyte
