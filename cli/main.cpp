// The halfbyte program: its table of commands.
#include <csignal>

#include "cli/commands.h"

namespace {

constexpr halfbyte::Command kCommands[] = {
    {"run", "answer a prompt, or chat", "halfbyte run smollm2:135m \"Why is the sky blue?\"", halfbyte::declare_run},
    {"serve", "a model behind OpenAI's API", "halfbyte serve smollm2:135m --port 8080", halfbyte::declare_serve},
    {"explain", "a tutor: explains a technical question", "halfbyte explain \"What does RMSNorm do?\" --backend local",
     halfbyte::declare_explain},
    {"show", "what a model file holds", "halfbyte show smollm2:135m", halfbyte::declare_show},
    {"list", "the models found on this machine", "halfbyte list", halfbyte::declare_list},
    {"tokenize", "text to token ids", "echo hello | halfbyte tokenize smollm2:135m --json", halfbyte::declare_tokenize},
    {"detokenize", "token ids to text", "halfbyte detokenize smollm2:135m 28120 905", halfbyte::declare_detokenize},
    {"logits", "logits after given tokens", "halfbyte logits smollm2:135m --tokens 504,6376", halfbyte::declare_logits},
    {"embed", "texts to vectors", "halfbyte embed smollm2:135m \"a cat\" \"a dog\" --json", halfbyte::declare_embed},
    {"perplexity", "how well a model predicts a text", "halfbyte perplexity smollm2:135m book.txt --tokens 2048",
     halfbyte::declare_perplexity},
    {"bench", "prompt and generation speed", "halfbyte bench smollm2:135m -p 512 -n 128", halfbyte::declare_bench},
    {"bench serve", "many requests at once: throughput and latencies", "halfbyte bench serve smollm2:135m --requests 32 --clients 32",
     halfbyte::declare_bench_serve},
    {"doctor", "this machine: speed, threads, what slows it", "halfbyte doctor", halfbyte::declare_doctor},
    {"isa", "instruction sets that run here, strongest last", "HALFBYTE_ISA=avx2 halfbyte isa", halfbyte::declare_isa},
    {"version", "this program's version", "halfbyte version", halfbyte::declare_version},
};

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a write to a closed pipe fails instead, and print() ends the program quietly
  std::signal(SIGXFSZ, SIG_IGN);  // a file at the user's limit is an error of the write, as a full disk is
  return halfbyte::run_command_line(kCommands, {argv, static_cast<size_t>(argc)});
}
