// The halfbyte program: its table of commands.
#include <csignal>

#include "cli/commands.h"

namespace {

constexpr halfbyte::Command kCommands[] = {
    {"show",       "what a model file holds",                        "halfbyte show smollm2:135m",                         halfbyte::declare_show      },
    {"tokenize",   "text to token ids",                              "echo hello | halfbyte tokenize smollm2:135m --json", halfbyte::declare_tokenize  },
    {"detokenize", "token ids to text",                              "halfbyte detokenize smollm2:135m 28120 905",         halfbyte::declare_detokenize},
    {"isa",        "instruction sets that run here, strongest last", "HALFBYTE_ISA=avx2 halfbyte isa",                     halfbyte::declare_isa       },
    {"version",    "this program's version",                         "halfbyte version",                                   halfbyte::declare_version   },
};

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a write to a closed pipe fails instead, and print() ends the program quietly
  return halfbyte::run_command_line(kCommands, {argv, static_cast<size_t>(argc)});
}
