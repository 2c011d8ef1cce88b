// From a checkpoint's tensors to weights in this processor's layout.
#pragma once

#include "base/thread_pool.h"
#include "models/formula.h"

namespace halfbyte {

// Checks every entry of `list` against the checkpoint, reads its data in pieces on all threads, packs panels and sets the handles.
// kCorrupt: a tensor is missing, has another shape, or holds a scale that is not finite. kUnsupported: there is one that the formula does
// not have. kIo: no memory, more than `most_bytes` of it are needed, or a read failed. `warnings` gets a line for those that stand beside the language model.
Result<Weights> load_weights(const Checkpoint& checkpoint, const WeightList& list, ThreadPool& pool, const World& world,
                             uint64_t most_bytes, std::vector<std::string>& warnings);

}  // namespace halfbyte
