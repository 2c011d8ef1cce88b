// What matrices are multiplied with.
#pragma once

namespace halfbyte {

// kFloat checks formulas: weights are decoded, nothing else is quantized; slow.
enum class ActivationMode { kInt8, kFloat };

}  // namespace halfbyte
