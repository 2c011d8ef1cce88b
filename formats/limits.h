// What a model file may ask for. Every limit of the readers stands here; each is far above what real files use.
#pragma once

#include <cstddef>
#include <cstdint>

namespace halfbyte::limits {

inline constexpr uint64_t kMetadataEntries = 65'536;
inline constexpr uint64_t kTensors = 131'072;
inline constexpr uint64_t kKeyBytes = 65'535;                     // the GGUF specification's
inline constexpr uint64_t kStringBytes = uint64_t{16} << 20;      // a chat template or a licence
inline constexpr uint64_t kArrayElements = uint64_t{16} << 20;    // a vocabulary has at most some 300,000
inline constexpr uint64_t kMetadataMemory = uint64_t{256} << 20;  // bytes, as values in memory
inline constexpr uint64_t kTensorNameBytes = 64;
inline constexpr uint32_t kDimensions = 4;
inline constexpr uint64_t kDimension = (uint64_t{1} << 63) - 1;
inline constexpr uint32_t kLeastAlignment = 8;
inline constexpr uint32_t kGreatestAlignment = uint32_t{1} << 20;
inline constexpr uint64_t kSafetensorsHeader = 100'000'000;  // bytes; safetensors' own limit
inline constexpr uint64_t kSafetensorsNesting = 4;
inline constexpr uint64_t kSafetensorsCommas = 16 * kTensors;  // a tensor with four dimensions has eight: bounds what parsing allocates
inline constexpr uint64_t kSafetensorsNameBytes = 256;
inline constexpr uint64_t kSafetensorsDimensions = 8;
inline constexpr uint64_t kShardIndexBytes = uint64_t{32} << 20;
inline constexpr uint64_t kConfigBytes = uint64_t{1} << 20;
inline constexpr uint64_t kTokenizerBytes = uint64_t{64} << 20;  // tokenizer.json; of 262,144 tokens it has 33 MB
inline constexpr uint64_t kAdapterRank = 1024;
inline constexpr uint64_t kShards = 512;                         // each stays open, and many systems allow 1,024 open files
inline constexpr size_t kReadStep = size_t{1} << 20;             // bytes read at once; memory grows by at most this much ahead of the file

}  // namespace halfbyte::limits
