// Start, a prompt of 64 tokens and 8 more, on one thread, with a function called at each seam: callgrind writes its counts there
// (instruction_counts.py). Only the public interface, so that the engine may change under it.
#include <halfbyte/engine.h>

#include <cstdio>

// Never inlined and never merged into one: their names are what callgrind is told.
extern "C" {
[[gnu::noinline]] void counted_start_ends() { asm volatile("nop # start"); }
[[gnu::noinline]] void counted_prompt_ends() { asm volatile("nop # prompt"); }
[[gnu::noinline]] void counted_generation_ends() { asm volatile("nop # generation"); }
}

namespace {

constexpr size_t kPromptTokens = 64;
constexpr int kGeneratedTokens = 8;
constexpr const char* kText =
    "The lighthouse stood at the end of a long spit of sand, and every evening its keeper climbed the stairs with a can of oil and a "
    "clean cloth. He wiped the glass, trimmed the wick and lit it before the first ships came round the cape. On clear nights he could "
    "see the harbour, and on others he could see nothing at all, and then he counted the seconds between the waves. In the morning the";

int fail(const char* what) {
  std::fprintf(stderr, "counted_run: %s\n", what);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return fail("expected one argument, a model's file");
  auto engine = halfbyte::Engine::open(argv[1], {.context_tokens = 256, .threads = 1, .speculates = false});
  if (!engine) return fail(engine.error().message.c_str());
  counted_start_ends();

  halfbyte::Request request{.prompt = engine->encode(kText, /*add_special=*/true),
                            .max_tokens = 1 + kGeneratedTokens,  // the first comes with the prompt
                            .sampling = {.temperature = 0},
                            .ignore_eos = true,
                            .shows_control_tokens = true};
  if (request.prompt.size() < kPromptTokens) return fail("the text gives fewer tokens than the prompt is to have");
  request.prompt.resize(kPromptTokens);
  int events = 0;
  const auto reply = engine->complete(std::move(request), [&](const halfbyte::Event&) {
    if (++events == 1) counted_prompt_ends();
    return halfbyte::SinkAnswer::kMore;
  });
  counted_generation_ends();
  if (!reply) return fail(reply.error().message.c_str());
  // One event a token: so the first one ended the prompt.
  if (events != 1 + kGeneratedTokens) return fail("a token gave no text of its own: this model needs another prompt");
  std::printf("%s\n", reply->text.c_str());
  return 0;
}
