// halfbyte serve: a model behind OpenAI's API.
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>

#include "backends/engine_backend.h"
#include "cli/commands.h"
#include "cli/notice.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/stored_calibration.h"
#include "cli/trace_file.h"
#include "server/http_server.h"
#include "server/openai_routes.h"
#include "store/model_store.h"

namespace halfbyte {
namespace {

constexpr const char* kKeyVariable = "HALFBYTE_API_KEY";
constexpr int kRefusers = 4;  // workers beyond the queue, so that there is always one to say that it is full

struct Options {
  std::string model{kDefaultModel};
  std::string name, draft_model, prefix_cache, trace;
  bool insecure_bind = false;
  int port = 8080, most_body_mib = 16, drain_s = 30;
  HttpServerOptions http;
  EngineOptions engine;
};

int64_t seconds_since_1970() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// As clients name it: never by a path of this machine.
std::string public_name(const Options& options, const ResolvedModel& found) {
  if (!options.name.empty()) return options.name;
  const bool is_path = found.place == "file" || found.place == "directory";
  if (!is_path) return found.name;
  const std::filesystem::path path = std::filesystem::weakly_canonical(found.path);
  return found.place == "file" ? path.stem().string() : path.filename().string();
}

Result<void> check_is_guarded(const Options& options) {
  if (is_loopback_address(options.http.host) || options.insecure_bind || !options.http.gate.api_keys.empty()) return {};
  return invalid("--host {}: others can reach this address: give --api-key or {}, or --insecure-bind to let everybody in",
                 escaped(options.http.host), kKeyVariable);
}

std::string url_of(const HttpServerOptions& http, uint16_t port) {
  const bool is_v6 = http.host.find(':') != std::string::npos;
  return fmt::format("http://{}:{}", is_v6 ? fmt::format("[{}]", http.host) : http.host, port);
}

Result<int> serve(Options options) {
  if (const char* key = std::getenv(kKeyVariable); key != nullptr && *key != '\0') options.http.gate.api_keys.emplace_back(key);
  HB_TRY(check_is_guarded(options));
  HB_TRY_ASSIGN(found, find_model(options.model));
  EngineBackendOptions opened{.model_id = public_name(options, found), .engine = options.engine};
  opened.engine.threads = threads_or_calibrated(options.engine.threads);
  opened.engine.prefix_cache_folder = options.prefix_cache;
  if (!options.draft_model.empty()) {
    HB_TRY_ASSIGN(draft, find_model(options.draft_model));
    opened.engine.draft_model = draft.path;
  }
  std::optional<Notice> notice(std::in_place, fmt::format("loading {} ...", options.model));
  HB_TRY_ASSIGN(backend, EngineBackend::open(options.model, opened));
  notice.reset();
  const BackendInfo info = backend->info();
  if (const auto note = info.extra.find("not_taken"); note != info.extra.end())
    notify(fmt::format("{}: not taken: {}", found.name, note->second));

  std::vector<HttpRoute> routes = openai::routes({.backend = *backend,
                                                  .model = opened.model_id,
                                                  .loaded_at = seconds_since_1970(),
                                                  .now = seconds_since_1970,
                                                  .random = random_seed,
                                                  .log = [](std::string_view message) { complain(message); }});
  routes.push_back(
      {"GET", "/health", [](const HttpRequest&, HttpAnswer& answer) { answer.whole(200, "application/json", R"({"status":"ok"})"); }});

  options.http.port = static_cast<uint16_t>(options.port);
  options.http.body_bytes = static_cast<uint64_t>(options.most_body_mib) << 20;
  options.http.drain_time = std::chrono::seconds(options.drain_s);
  options.http.workers = options.engine.queue + kRefusers;
  options.http.stops_on_signals = true;
  HB_TRY_ASSIGN(server, HttpServer::open(options.http, std::move(routes), openai::refusal_body));
  if (options.insecure_bind && options.http.gate.api_keys.empty() && !is_loopback_address(options.http.host))
    notify("whoever reaches this address may use the model (--insecure-bind)");
  notify(fmt::format("{} at {}/v1", opened.model_id, url_of(options.http, server->port())));
  server->run();
  return 0;
}

}  // namespace

Action declare_serve(Arguments& args) {
  const auto options = std::make_shared<Options>();
  args.positional("MODEL", options->model, fmt::format("a .gguf file, a checkpoint's directory or a model's name ({})", kDefaultModel),
                  Arguments::Needed::kNo);
  args.text("--host", options->http.host, "the address to listen at; one that others reach needs a key or --insecure-bind");
  args.number("--port", options->port, 0, 65535, "0: one that is free; it is told on stderr");
  args.text("--name", options->name, "what clients call the model; without it MODEL, of a path its last part");
  args.repeated(
      "--api-key", "KEY",
      fmt::format("requests need this key (Authorization: Bearer KEY); may be given several times. {} is one more, which no list of "
                  "processes shows",
                  kKeyVariable),
      [options](const std::string& key) -> Result<void> {
        if (key.empty()) return invalid("the key is empty");
        options->http.gate.api_keys.push_back(key);
        return {};
      });
  args.flag("--insecure-bind", options->insecure_bind, "listen where others reach it and ask for no key");
  args.repeated("--cors-origin", "ORIGIN", "web pages from here may ask (https://app.example); '*': all; may be given several times",
                [options](const std::string& origin) -> Result<void> {
                  options->http.gate.origins.push_back(origin);
                  return {};
                });
  args.number("--queue", options->engine.queue, 1, 1024, "most requests under way or waiting; more are told 503 at once");
  args.number("--connections", options->http.connections, 1, 1 << 16, "most connections that are open");
  args.number("--max-body", options->most_body_mib, 1, 1024, "longest body of a request, in MiB");
  args.number("--drain", options->drain_s, 0, 3600,
              "seconds for what is under way after SIGTERM or Ctrl-C; a second signal ends it at once");
  declare_memory(args, options->engine, "longest prompt and reply together, in tokens; 0: the model's own, at most 4096");
  declare_threads(args, "--threads", options->engine.threads);
  declare_step_options(args, options->engine.chunk_tokens, options->engine.kv_types, options->engine.activations);
  args.text("--prefix-cache", options->prefix_cache, "a folder where what was computed for prompts survives until the next start");
  declare_speculation(args, options->engine, options->draft_model);
  declare_trace(args, options->trace);
  return [options] { return with_trace(options->trace, options->engine, [&] { return serve(*options); }); };
}

}  // namespace halfbyte
