// The same few lines against every kind of backend; only opening one differs.
//   every_backend local MODEL             a GGUF file, a checkpoint directory, or a model's name
//   every_backend ollama MODEL [ADDRESS]
//   every_backend openai MODEL [ADDRESS]  with its /v1; the key is in OPENAI_API_KEY or in .env
//   every_backend artifact NAME
//   every_backend router MODEL [OLLAMA'S_ADDRESS OPENAI'S_ADDRESS]  what names the sky goes to Ollama, everything else to OpenAI
#include <halfbyte/backends.h>

#include <cstdio>
#include <string>

namespace {

using halfbyte::Backend;
using halfbyte::Result;

Result<std::unique_ptr<Backend>> open_router(const halfbyte::OllamaOptions& ollama, const halfbyte::OpenAIOptions& openai) {
  HB_TRY_ASSIGN(astronomer, halfbyte::open_ollama(ollama));
  HB_TRY_ASSIGN(rest, halfbyte::open_openai(openai));
  HB_TRY_ASSIGN(skies, halfbyte::Route::matching("\\bsky\\b", std::move(astronomer)));
  return halfbyte::open_router({std::move(skies)}, std::move(rest));
}

// Without an address each asks the one that it asks by default.
Result<std::unique_ptr<Backend>> open(const std::string& kind, const std::string& model, const std::string& address,
                                      const std::string& second) {
  if (kind == "ollama") return halfbyte::open_ollama({.model_id = model, .base_url = address});
  if (kind == "openai") return halfbyte::open_openai({.model_id = model, .base_url = address});
  if (kind == "router") return open_router({.model_id = model, .base_url = address}, {.model_id = model, .base_url = second});
  return halfbyte::open_backend(kind + ":" + model);
}

// All that a program needs to know of a backend.
int use(Backend& backend) {
  const halfbyte::CompletionOptions options{.max_new_tokens = 16, .sampling = {.temperature = 0}};
  const auto show = [](std::string_view piece) {
    std::fwrite(piece.data(), 1, piece.size(), stdout);
    std::fflush(stdout);
    return true;
  };
  const auto result = backend.stream("The sky is blue because", options, show);
  if (!result) {
    std::fprintf(stderr, "every_backend: %s\n", result.error().message.c_str());
    return 1;
  }
  std::printf("\n%s %s: %d tokens\n", result->backend.name.c_str(), result->backend.model_id.c_str(),
              result->completion_tokens.value_or(0));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc > 5) {
    std::fprintf(stderr, "usage: every_backend local|ollama|openai|artifact|router MODEL [ADDRESS [ADDRESS]]\n");
    return 2;
  }
  const auto backend = open(argv[1], argv[2], argc > 3 ? argv[3] : "", argc > 4 ? argv[4] : "");
  if (!backend) {
    std::fprintf(stderr, "every_backend: %s\n", backend.error().message.c_str());
    return 1;
  }
  return use(**backend);
}
