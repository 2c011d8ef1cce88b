// Qwen2 and Qwen2.5 (arXiv 2407.10671): Llama's formula with biases on q, k and v, and rotary pairs taken from the two halves of a head.
#include "models/llama.h"
#include "models/models.h"

namespace halfbyte {

Result<std::unique_ptr<Formula>> make_qwen2(const Metadata& metadata, int vocabulary) {
  HB_TRY_ASSIGN(dims, read_dims(metadata, "qwen2", vocabulary));
  dims.window = 0;  // configurations carry one that the released models do not use
  HB_TRY_ASSIGN(rope, read_rope(metadata, "qwen2", dims, Pairing::kHalves));
  return std::unique_ptr<Formula>(std::make_unique<Llama>(dims, rope));
}

}  // namespace halfbyte
