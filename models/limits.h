// What a file may say of a model's size. Each limit is far above what real models have; what is computed of them fits its type.
#pragma once

#include <cstdint>

namespace halfbyte::limits {

inline constexpr uint64_t kLayers = 1024;
inline constexpr uint64_t kWidth = uint64_t{1} << 20;
inline constexpr uint64_t kHeads = uint64_t{1} << 12;
inline constexpr uint64_t kHeadDim = 512;  // kernels/attention.h
inline constexpr uint64_t kContext = uint64_t{1} << 30;
inline constexpr uint64_t kVocabulary = uint64_t{1} << 24;
inline constexpr uint64_t kExperts = 4096;

}  // namespace halfbyte::limits
