// The makers behind the table in models.cpp, one per family. Each reads its own hyper-parameters.
#pragma once

#include <memory>

#include "models/formula.h"

namespace halfbyte {

Result<std::unique_ptr<Formula>> make_llama(const Metadata& metadata, int vocabulary);
Result<std::unique_ptr<Formula>> make_qwen2(const Metadata& metadata, int vocabulary);
Result<std::unique_ptr<Formula>> make_qwen3(const Metadata& metadata, int vocabulary);
Result<std::unique_ptr<Formula>> make_qwen3moe(const Metadata& metadata, int vocabulary);
Result<std::unique_ptr<Formula>> make_gemma3(const Metadata& metadata, int vocabulary);
Result<std::unique_ptr<Formula>> make_gpt2(const Metadata& metadata, int vocabulary);

}  // namespace halfbyte
