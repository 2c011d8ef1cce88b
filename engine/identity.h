// What the bytes of cached keys and values depend on, besides the tokens: the formula, every byte of its weights, number types, the layout
// of pages. Not the instruction set, the threads or the chunks: no bit depends on those.
#pragma once

#include <string>

#include "halfbyte/activation_mode.h"
#include "models/model.h"
#include "ops/state_layout.h"

namespace halfbyte {

// Reads all weights once, on all threads.
std::string identity_of(const Model& model, const StateLayout& layout, ActivationMode activations, ThreadPool& pool);

}  // namespace halfbyte
