#include "backends/router_backend.h"

#include <algorithm>

#include "backends/checks.h"
#include "backends/json_members.h"
#include "base/errors.h"

namespace halfbyte {
namespace {

Json::Object identity(const Backend& backend) {
  const BackendInfo info = backend.info();
  return {{"name", {info.name}}, {"model_id", {info.model_id}}};
}

// Of UTF-8: every byte but those that go on with a character.
size_t characters_in(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

constexpr auto kAlways = [] { return true; };

}  // namespace

Route Route::longer_than(size_t characters, std::shared_ptr<Backend> backend) {
  return {std::move(backend), [characters](const RouteRequest& request) { return characters_in(request.prompt) > characters; },
          fmt::format("prompt longer than {}", characters)};
}

Route Route::shorter_than(size_t characters, std::shared_ptr<Backend> backend) {
  return {std::move(backend), [characters](const RouteRequest& request) { return characters_in(request.prompt) < characters; },
          fmt::format("prompt shorter than {}", characters)};
}

Route Route::needing_tools(std::shared_ptr<Backend> backend) {
  return {std::move(backend), [](const RouteRequest& request) { return !request.tools.empty(); }, "tools needed"};
}

Result<std::unique_ptr<RouterBackend>> RouterBackend::open(std::vector<Route> routes, std::shared_ptr<Backend> fallback, std::string name) {
  if (name.empty()) return invalid("name: expected text, found an empty string");
  if (fallback == nullptr) return invalid("fallback: expected a backend, found none");
  std::vector<std::string> ids;
  const auto note = [&ids](const Backend& backend) {
    if (std::string id = backend.info().model_id; std::ranges::find(ids, id) == ids.end()) ids.push_back(std::move(id));
  };
  for (size_t i = 0; i < routes.size(); ++i) {
    if (routes[i].backend == nullptr) return invalid("routes[{}]: expected a backend, found none", i);
    if (!routes[i].applies) return invalid("routes[{}]: expected a rule, found none", i);
    note(*routes[i].backend);
  }
  note(*fallback);
  BackendInfo info{.name = std::move(name), .model_id = fmt::format("{}", fmt::join(ids, " | "))};
  return std::unique_ptr<RouterBackend>(new RouterBackend(std::move(routes), std::move(fallback), std::move(info)));
}

bool RouterBackend::supports_tools() const {
  return fallback_->supports_tools() || std::ranges::any_of(routes_, [](const Route& route) { return route.backend->supports_tools(); });
}

// Who may answer, in order, each once, with the reason.
std::vector<RouterBackend::Candidate> RouterBackend::line(const RouteRequest& request) const {
  std::vector<Candidate> line;
  const auto join = [&](Backend& backend, const std::string& why) {
    const bool is_there = std::ranges::any_of(line, [&](const Candidate& candidate) { return candidate.backend == &backend; });
    if (!is_there && (request.tools.empty() || backend.supports_tools())) line.push_back({&backend, why});
  };
  for (const Route& route : routes_)
    if (route.applies(request)) join(*route.backend, route.why);
  join(*fallback_, "fallback");
  return line;
}

template <class Answer, class Call, class MayGoOn>
Result<Answer> RouterBackend::ask(const RouteRequest& request, const Call& call, const MayGoOn& may_go_on) {
  const std::vector<Candidate> candidates = line(request);
  if (candidates.empty()) return unsupported("{} ({}): no backend of this router takes tools", info_.name, info_.model_id);
  Json::Array failures;
  std::string told;
  for (const Candidate& candidate : candidates) {
    Result<Answer> answer = call(*candidate.backend);
    if (answer) {
      answer->backend = info_;
      answer->metadata["answered_by"] = json_text({identity(*candidate.backend)});
      answer->metadata["why"] = candidate.why;
      if (!failures.empty()) answer->metadata["failures"] = json_text({std::move(failures)});
      return answer;
    }
    if (!may_go_on()) return answer;
    const BackendInfo who = candidate.backend->info();
    told += fmt::format("{}{} ({}): {}", told.empty() ? "" : "; ", who.name, who.model_id, answer.error().message);
    Json::Object failure = identity(*candidate.backend);
    add(failure, "error", {answer.error().message});
    failures.push_back({std::move(failure)});
    if (&candidate == &candidates.back()) return Error{answer.error().code, "no backend answered: " + told};
  }
  return internal("router without candidates");
}

Result<InferenceResult> RouterBackend::complete(const std::string& prompt, const CompletionOptions& options) {
  HB_TRY(check_request(prompt, options));
  return ask<InferenceResult>({.prompt = prompt}, [&](Backend& backend) { return backend.complete(prompt, options); }, kAlways);
}

Result<InferenceResult> RouterBackend::stream(const std::string& prompt, const CompletionOptions& options, const TextSink& sink) {
  HB_TRY(check_request(prompt, options));
  bool is_silent = true;
  const TextSink watched = [&](std::string_view piece) {
    is_silent = false;
    return sink(piece);
  };
  return ask<InferenceResult>(
      {.prompt = prompt}, [&](Backend& backend) { return backend.stream(prompt, options, watched); }, [&] { return is_silent; });
}

Result<ChatResult> RouterBackend::chat(std::span<const Message> messages, std::span<const Tool> tools, const CompletionOptions& options) {
  HB_TRY(check_messages(messages, options));
  const RouteRequest request{.prompt = messages.back().content, .messages = messages, .tools = tools};
  return ask<ChatResult>(request, [&](Backend& backend) { return backend.chat(messages, tools, options); }, kAlways);
}

Result<ChatResult> RouterBackend::stream_chat(std::span<const Message> messages, const CompletionOptions& options, const TextSink& sink) {
  HB_TRY(check_messages(messages, options));
  const RouteRequest request{.prompt = messages.back().content, .messages = messages};
  bool is_silent = true;
  const TextSink watched = [&](std::string_view piece) {
    is_silent = false;
    return sink(piece);
  };
  return ask<ChatResult>(
      request, [&](Backend& backend) { return backend.stream_chat(messages, options, watched); }, [&] { return is_silent; });
}

// The fallback's, always: vectors of two models say nothing about each other.
Result<std::vector<std::vector<float>>> RouterBackend::embed(std::span<const std::string> texts, std::optional<Pooling> pooling,
                                                             const std::vector<AdapterUse>& adapters) {
  return fallback_->embed(texts, pooling, adapters);
}

Result<std::unique_ptr<Backend>> open_router(std::vector<Route> routes, std::shared_ptr<Backend> fallback, std::string name) {
  HB_TRY_ASSIGN(router, RouterBackend::open(std::move(routes), std::move(fallback), std::move(name)));
  return std::unique_ptr<Backend>(std::move(router));
}

}  // namespace halfbyte
