// Tensor names of Hugging Face checkpoints and what GGUF calls the same weights: one map per naming scheme.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace halfbyte {

enum class NamingScheme { kLlama, kPlainDecoder, kGemma3, kGpt2 };

// What turns a stored tensor into GGUF's (Turn, in checkpoint.h).
enum class StoredAs { kSame, kQueryHalves, kKeyHalves, kColumns, kMinusOne };

struct GgufName {
  std::string name;  // "blk.0.attn_q.weight"
  StoredAs stored = StoredAs::kSame;
  std::optional<int> expert;  // the tensor is the part that this expert has of GGUF's
};

// Nothing: a name that the scheme does not know.
std::optional<GgufName> gguf_name_of(std::string_view name, NamingScheme scheme);
// Known, and of no use here: the images' side of a model, tables that are computed.
bool is_left_out(std::string_view name);

}  // namespace halfbyte
