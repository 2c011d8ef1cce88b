// config.json as GGUF's metadata: the keys that a conversion of the checkpoint to GGUF would have.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "formats/checkpoint.h"
#include "formats/hugging_face_names.h"

namespace halfbyte {

struct HuggingFaceConfig {
  Metadata metadata;  // general.* and ARCH.*
  std::string architecture;
  NamingScheme names = NamingScheme::kLlama;
  uint64_t heads = 0, kv_heads = 0;
  uint64_t experts = 0;                                    // of a mixture
  uint64_t vocabulary = 0;                                 // rows of the embedding table
  bool is_tied = false;                                    // the output matrix is the embedding table
  bool attention_bias = false, feed_forward_bias = false;  // the file says that there are some
  std::vector<std::string> warnings;
  std::vector<float> rope_factors;  // divisors of the rope frequencies: GGUF's tensor "rope_freqs.weight"; may be empty
};

// `path` names config.json in messages; `folder` the checkpoint, whose name the model gets. kUnsupported: a model_type this build does
// not know (it lists those it does), or a setting that would change the formula.
Result<HuggingFaceConfig> read_config(const Json& config, const std::string& path, const std::filesystem::path& folder);

// How the checkpoints of an architecture, under GGUF's name, name their tensors. Nothing: none is known.
std::optional<NamingScheme> naming_scheme_of(std::string_view architecture);

}  // namespace halfbyte
