// The commands: one file each, listed in main.cpp.
#pragma once

#include "cli/command_line.h"

namespace halfbyte {

Action declare_run(Arguments& args);
Action declare_serve(Arguments& args);
Action declare_explain(Arguments& args);
Action declare_show(Arguments& args);
Action declare_list(Arguments& args);
Action declare_tokenize(Arguments& args);
Action declare_detokenize(Arguments& args);
Action declare_logits(Arguments& args);
Action declare_embed(Arguments& args);
Action declare_perplexity(Arguments& args);
Action declare_bench(Arguments& args);
Action declare_bench_serve(Arguments& args);
Action declare_doctor(Arguments& args);
Action declare_isa(Arguments& args);
Action declare_version(Arguments& args);

}  // namespace halfbyte
