// A backend of your own: two members, and it streams, chats, and can be measured and routed like every other.
#include <halfbyte/backend.h>
#include <halfbyte/benchmark.h>

#include <cstdio>

namespace {

// Says the prompt backwards, a word a token.
class Backwards : public halfbyte::Backend {
 public:
  halfbyte::BackendInfo info() const override { return {.name = "own", .model_id = "backwards", .extra = {}}; }

  halfbyte::Result<halfbyte::InferenceResult> complete(const std::string& prompt, const halfbyte::CompletionOptions& options) override {
    if (prompt.empty()) return halfbyte::Error{halfbyte::Code::kInvalid, "prompt: expected text, found an empty string"};
    halfbyte::InferenceResult result{.prompt = prompt, .latency_ms = 1, .backend = info()};
    int tokens = 0;
    for (size_t end = prompt.size(); tokens < options.max_new_tokens && end != std::string::npos; ++tokens) {
      const size_t blank = end == 0 ? std::string::npos : prompt.rfind(' ', end - 1);
      const size_t begin = blank == std::string::npos ? 0 : blank + 1;
      result.completion += (tokens == 0 ? "" : " ") + prompt.substr(begin, end - begin);
      end = blank;
    }
    result.completion_tokens = tokens;
    return result;
  }
};

}  // namespace

int main() {
  Backwards backwards;
  const auto completed = backwards.complete("one two three", {.max_new_tokens = 2});
  std::printf("complete: %s\n", completed->completion.c_str());

  const auto streamed = backwards.stream("one two three", {}, [](std::string_view piece) {
    std::printf("stream: %.*s\n", static_cast<int>(piece.size()), piece.data());
    return true;
  });
  if (!streamed) return 1;

  const halfbyte::Message messages[] = {{.role = "user", .content = "hello you"}};
  const auto replied = backwards.chat(messages);
  std::printf("chat: %s\n", replied->content.c_str());

  const std::string prompts[] = {"a b", "c d e"};
  const auto figures = halfbyte::benchmark(backwards, prompts);
  std::printf("benchmark: %zu requests, %d tokens\n", figures->n, *figures->completion_tokens_total);
  return 0;
}
