// 9 tokens after a short prompt, once for each way to sample, with a function called behind the first and behind the last token:
// callgrind writes its counts there (sampling_costs.py).
#include <halfbyte/engine.h>

#include <cstdio>

extern "C" {
[[gnu::noinline]] void first_token_ends() { asm volatile("nop # first"); }
[[gnu::noinline]] void last_token_ends() { asm volatile("nop # last"); }
}

int main(int argc, char** argv) {
  constexpr int kTokens = 9;
  if (argc != 2) return std::fprintf(stderr, "sampling_run: expected one argument, a model's file\n"), 1;
  auto engine = halfbyte::Engine::open(argv[1], {.context_tokens = 64, .threads = 1, .speculates = false});
  if (!engine) return std::fprintf(stderr, "sampling_run: %s\n", engine.error().message.c_str()), 1;
  const halfbyte::SamplingOptions plain{.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0, .seed = 1};
  struct Way {
    const char* name;
    halfbyte::SamplingOptions options;
  };
  Way ways[] = {{"greedy", {.temperature = 0}},
                {"the defaults", {.seed = 1}},
                {"temperature 1", plain},
                {"temperature 0.7", plain},
                {"temperature 1, frequency penalty", plain},
                {"temperature 1, top-p 0.9", plain},
                {"temperature 1, min-p 0.05", plain},
                {"temperature 1, top-p 0.9, top-k 40", plain}};
  ways[3].options.temperature = 0.7F;
  ways[4].options.frequency_penalty = 0.5F;
  ways[5].options.top_p = ways[7].options.top_p = 0.9F;
  ways[6].options.min_p = 0.05F;
  ways[7].options.top_k = 40;
  for (const Way& way : ways) {
    halfbyte::Request request{.prompt = engine->encode("Once upon a time there was", true),
                              .max_tokens = kTokens,
                              .sampling = way.options,
                              .ignore_eos = true,
                              .shows_control_tokens = true};
    bool is_first = true;
    const auto reply = engine->complete(std::move(request), [&](const halfbyte::Event&) {
      if (is_first) first_token_ends();
      is_first = false;
      return halfbyte::SinkAnswer::kMore;
    });
    if (!reply) return std::fprintf(stderr, "sampling_run: %s\n", reply.error().message.c_str()), 1;
    last_token_ends();
    std::printf("%s\n", way.name);
  }
  return 0;
}
