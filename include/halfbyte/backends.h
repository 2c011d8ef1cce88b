// Opens the kinds of Backend that come with halfbyte.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "halfbyte/backend.h"

namespace halfbyte {

// Services. A user and password in `base_url` are sent as Basic authorization; a query stays behind the path of every request. No
// message, and no info(), shows the three.

// A model served by Ollama, or by anything that speaks its API. Thread-safe.
struct OllamaOptions {
  std::string model_id = "llama3.2:3b";
  std::string base_url;                // empty: OLLAMA_HOST, as Ollama's own clients read it, else http://localhost:11434
  std::optional<std::string> api_key;  // absent: OLLAMA_API_KEY, else none
  double timeout_seconds = 120;        // without a byte from the server
  std::string name = "ollama";         // BackendInfo::name
  std::map<std::string, std::string> extra;
  std::string think;  // sent as it is when not empty: "true", "false", "\"low\"" (JSON)
};
// kInvalid: empty model or name, no http(s) address, a key beside a user in it, a timeout that is not above 0, `think` that is not JSON. The server is not asked.
// What it does wrong later: kNotFound (not reached, no such model; says what to run), kBusy (429, 503), else kIo, kCorrupt, kTooLong.
Result<std::unique_ptr<Backend>> open_ollama(const OllamaOptions& options = {});
// The models that the server has, as it names them.
Result<std::vector<std::string>> ollama_models(const std::string& base_url, double timeout_seconds = 120);

// A model behind an OpenAI-style API. Thread-safe. The key is looked for when it is opened: `api_key`, else OPENAI_API_KEY in
// `env_file`, else in the environment; it is shown nowhere. Services other than the original may work without.
struct OpenAIOptions {
  enum class Api { kChat, kCompletions };  // a prompt as one user message, or continued as it is by the older route
  std::string model_id = "gpt-4o-mini";
  std::string base_url;  // empty: OPENAI_BASE_URL, else https://api.openai.com/v1
  std::optional<std::string> api_key;
  std::filesystem::path env_file = ".env";  // empty: none is read. Only the key: a folder's file must not say where another key goes
  std::string organization, project;        // empty: OPENAI_ORG_ID, OPENAI_PROJECT_ID, else none
  double timeout_seconds = 120;             // without a byte from the service
  int max_retries = 2;                      // further tries after 429 and 5xx, with back-off; Retry-After is honoured
  Api api = Api::kChat;
  std::string name = "openai";
  std::map<std::string, std::string> extra;
};
// Errors as with open_ollama(). kNotFound at a request: there is no key and the
// original service wants one.
Result<std::unique_ptr<Backend>> open_openai(const OpenAIOptions& options = {});

// Our engine in this process. `model`: a GGUF file, a checkpoint directory, or a name known on this machine.
struct LocalOptions {
  bool use_template = false;  // complete() and stream(): the prompt is a user's turn in the model's chat template
  int context_tokens = 0;     // 0: the model's own, at most 4096
  int threads = 0;            // 0: one per processor
  std::string name = "engine";
  std::map<std::string, std::string> extra;
};
Result<std::unique_ptr<Backend>> open_local(const std::string& model, const LocalOptions& options = {});

// A model that a training run left under artifacts/models/NAME, as GGUF or as a safetensors directory.
struct ArtifactOptions {
  // Takes NAME-DPO, else NAME-SFT, else NAME. Absent: the strongest of those, suffix by suffix, and BaseLM last. Strength is the
  // manifest's `rank`, then its `parameters` or else the size of the weights, then the name.
  std::optional<std::string> name;
  std::filesystem::path root;  // has artifacts/models; empty: the nearest folder from here upwards that has it
  LocalOptions local = {.name = "artifact"};
};
// kNotFound says what was tried. info().extra: artifact_dir, canonical_name, and of its manifest source and kind.
Result<std::unique_ptr<Backend>> open_artifact(const ArtifactOptions& options = {});

// What the project has settled on, as artifacts/models/ProdLM/config.json names it: an Ollama model or one for our engine.
// kNotFound: there is no such file, and no `model_id`, which overrides the file's.
Result<std::unique_ptr<Backend>> open_prodlm(const std::optional<std::string>& model_id = {}, const std::filesystem::path& root = {});

// ProdLM, else the strongest artifact, else an Ollama server that answers, else the default model in this process.
// info().extra["passed_over_..."] says of each one before why it was not taken.
Result<std::unique_ptr<Backend>> open_default(const std::filesystem::path& root = {});

// A backend from one word, as a command line has it: KIND or KIND:MODEL, and for services @http://HOST[:PORT][/PATH] behind it. Kinds:
// local or engine, ollama, openai, artifact, prodlm, auto. Without MODEL each takes its default: the default model, llama3.2,
// gpt-4o-mini, the strongest. kInvalid: unknown kind, an address for a kind that has none.
Result<std::unique_ptr<Backend>> open_backend(std::string_view word);
// Such a word as it may be shown: without the address, which may have a password.
std::string_view without_address(std::string_view word);

// What a rule of a router sees. A conversation's `prompt` is its last turn.
struct RouteRequest {
  std::string_view prompt;
  std::span<const Message> messages;
  std::span<const Tool> tools;
};

// `backend` answers the requests that `applies` to; `why` says so in their metadata.
struct Route {
  std::shared_ptr<Backend> backend;
  std::function<bool(const RouteRequest&)> applies;
  std::string why;

  static Route longer_than(size_t characters, std::shared_ptr<Backend> backend);
  static Route shorter_than(size_t characters, std::shared_ptr<Backend> backend);
  // Where `pattern`, a Perl-compatible expression, is found anywhere in the prompt. kInvalid: not an expression.
  static Result<Route> matching(const std::string& pattern, std::shared_ptr<Backend> backend);
  static Route needing_tools(std::shared_ptr<Backend> backend);
};

// The first route that applies answers; where it fails, the others that apply, then `fallback`. A stream falls back only before its
// first piece. A result's `backend` is the router; its metadata has "answered_by", "why", and "failures" where there were some.
// kInvalid: a route without backend or rule, no fallback. Thread-safe where its backends are.
Result<std::unique_ptr<Backend>> open_router(std::vector<Route> routes, std::shared_ptr<Backend> fallback, std::string name = "router");

}  // namespace halfbyte
