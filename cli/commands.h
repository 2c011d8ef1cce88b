// The commands: one file each, listed in main.cpp.
#pragma once

#include "cli/command_line.h"

namespace halfbyte {

Action declare_show(Arguments& args);

Action declare_tokenize(Arguments& args);
Action declare_detokenize(Arguments& args);

Action declare_isa(Arguments& args);
Action declare_version(Arguments& args);

}  // namespace halfbyte
