// A model read from a file: its formula, its weights in this processor's layout, its vocabulary. Immutable after load; shared.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "formats/checkpoint.h"
#include "models/formula.h"
#include "ops/weights.h"
#include "text/conversation.h"
#include "text/tokenizer.h"

namespace halfbyte {

struct Model {
  std::string path;
  std::string architecture;  // as the file names it
  std::string name;          // general.name, may be empty
  std::unique_ptr<Tokenizer> tokenizer;
  std::unique_ptr<ConversationFormat> conversation;  // refers to the tokenizer
  std::unique_ptr<Formula> formula;
  Weights weights;
  struct NamedMatrix {
    std::string name;                      // of the tensor
    uint64_t first_row = 0, all_rows = 0;  // where it begins in that, and how many there are
    MatrixId id;
  };
  std::vector<NamedMatrix> matrices;
  std::vector<std::string> warnings;  // harmless oddities of the file
};

// Reads weights and vocabulary. kCorrupt or kUnsupported name the file and the tensor or key. kIo: a read failed, or there
// is no memory, or the weights need more than `most_bytes`, which is known before they are read.
Result<Model> load_model(const std::filesystem::path& path, ThreadPool& pool, const World& world = this_machine(),
                         uint64_t most_bytes = std::numeric_limits<uint64_t>::max());

}  // namespace halfbyte
