// What the commands that look at logits share: a model in memory and how it is run.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cli/adapter_options.h"
#include "cli/command_line.h"
#include "engine/adapters.h"
#include "measure/evaluate.h"

namespace halfbyte {

struct EvaluationOptions {
  std::string model;
  int threads = 0;  // 0: as calibrated, else one per processor
  EvaluateOptions evaluate;
  ChosenAdapters adapters;
  bool json = false;
};
void declare_evaluation(Arguments& args, std::string_view threads_flags, EvaluationOptions& options);

// A model and the threads that run it.
struct LoadedModel {
  std::unique_ptr<ThreadPool> pool;
  Model model;
  Adapters adapters;
  EvaluateOptions evaluate;  // as given, with the instruction set that HALFBYTE_ISA chooses; warnings go to stderr
};
Result<LoadedModel> load(const EvaluationOptions& options);

}  // namespace halfbyte
