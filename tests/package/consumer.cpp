// Opens the model named on the command line and prints a greedy completion of "1, 2, 3," to 4 tokens; before, asks a service that
// is not there, so that what speaks to services is linked too.
#include <halfbyte/backends.h>
#include <halfbyte/engine.h>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto service = halfbyte::open_ollama({.base_url = "http://127.0.0.1:1"});
  if (!service || (*service)->complete("hello")) return 3;
  auto engine = halfbyte::Engine::open(argv[1], {.context_tokens = 64});
  if (!engine) {
    std::printf("%s\n", engine.error().message.c_str());
    return 1;
  }
  halfbyte::Request request;
  request.prompt = engine->encode("1, 2, 3,", true);
  request.max_tokens = 4;
  request.sampling.temperature = 0;
  const auto reply = engine->complete(request);
  if (!reply) {
    std::printf("%s\n", reply.error().message.c_str());
    return 1;
  }
  std::printf("%s\n", reply->text.c_str());
  return 0;
}
