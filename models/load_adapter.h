// From an adapter's file to low-rank changes of a model's matrices.
#pragma once

#include <filesystem>

#include "models/model.h"
#include "ops/adapter.h"

namespace halfbyte {

// Reads a GGUF adapter or a PEFT directory for `model`, whose handles it has. kUnsupported: it is for another model, or changes what this
// build applies no adapter to (embeddings, the head, experts). kCorrupt: a shape is not the matrix's, or a number is not finite. kIo: no memory, or a
// read failed. `warnings` gets a line for each harmless oddity.
Result<Adapter> load_adapter(const std::filesystem::path& path, const Model& model, const World& world, std::vector<std::string>& warnings);

}  // namespace halfbyte
