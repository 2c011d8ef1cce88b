// Names of tensors in GGUF files. The weight lists of models/ use GGUF's own words ("attn_q", "ffn_down"); only the frame is added here.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace halfbyte {

inline std::string gguf_name(std::string_view weight) { return std::string(weight); }
inline std::string gguf_name(int layer, std::string_view weight) { return fmt::format("blk.{}.{}", layer, weight); }

}  // namespace halfbyte
