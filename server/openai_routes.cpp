#include "server/openai_routes.h"

#include <memory>
#include <utility>

#include "base/errors.h"
#include "base/json_writer.h"
#include "server/openai_answer.h"
#include "server/openai_request.h"

namespace halfbyte::openai {
namespace {

constexpr std::string_view kJson = "application/json", kEvents = "text/event-stream";
constexpr int kRetryAfterSeconds = 1;

void refuse(const Served& served, HttpAnswer& answer, const Error& error) {
  if (status_of(error) == 500) served.log(error.message);
  answer.whole(status_of(error), kJson, error_body(error), error.code == Code::kBusy ? kRetryAfterSeconds : 0);
}

// What only the server knows of a request. kNotFound: it is for another model.
Result<Head> prepare(const Served& served, const HttpRequest& request, Asked& asked, std::string_view prefix) {
  if (!asked.model.empty() && asked.model != served.model)
    return not_found("model: '{}' is not served here, '{}' is", escaped(asked.model), served.model);
  if (!asked.options.sampling.seed) asked.options.sampling.seed = served.random();
  // Neither of two askers must see in the time that an answer takes what the other has asked.
  asked.options.principal = fmt::format("{}/{}", request.principal, asked.options.principal);
  asked.options.cancel = request.gone;
  return Head{.id = fmt::format("{}-{:016x}", prefix, served.random()),
              .model = served.model,
              .created = served.now(),
              .has_usage = asked.streams && asked.tells_usage};
}

// A failure after the first event is one more event, and nothing that looks like an end.
void fail_stream(const Served& served, HttpAnswer& answer, const Error& error) {
  served.log(error.message);
  answer.piece(error_event(error));
}

void keep_one_call(const ChatRequest& asked, std::vector<ReplyChoice>& choices) {
  for (ReplyChoice& choice : choices)
    if (asked.takes_one_call && choice.tool_calls.size() > 1) choice.tool_calls.resize(1);
}

void stream_chat(const Served& served, const ChatRequest& asked, const Head& head, ChatStream& stream, HttpAnswer& answer) {
  const bool tells_tokens = asked.options.logprobs.has_value();
  answer.begin(kEvents);
  answer.piece(chat_begin(head, 0));
  for (;;) {
    const StreamStep step = stream.next();
    if (step.kind == StreamStep::Kind::kFinished) break;
    answer.piece(chat_piece(head, 0, step.kind == StreamStep::Kind::kThinking ? Piece::kThinking : Piece::kText, step.text));
  }
  const auto result = stream.result();
  if (!result) return fail_stream(served, answer, result.error());
  std::vector<ReplyChoice> choices = choices_of(*result);
  keep_one_call(asked, choices);
  std::string rest = chat_end(head, 0, choices.front(), tells_tokens);
  for (size_t i = 1; i < choices.size(); ++i) {
    const int index = static_cast<int>(i);
    rest += chat_begin(head, index);
    if (choices[i].thinking) rest += chat_piece(head, index, Piece::kThinking, *choices[i].thinking);
    if (!choices[i].text.empty()) rest += chat_piece(head, index, Piece::kText, choices[i].text);
    rest += chat_end(head, index, choices[i], tells_tokens);
  }
  if (head.has_usage) {
    Usage usage;
    usage.add(result->prompt_tokens, result->completion_tokens, result->metadata);
    rest += chat_usage(head, usage);
  }
  answer.piece(rest.append(kEndOfStream));
}

void chat(const Served& served, const HttpRequest& request, HttpAnswer& answer) {
  auto asked = read_chat(request.body);
  if (!asked) return refuse(served, answer, asked.error());
  const auto head = prepare(served, request, *asked, "chatcmpl");
  if (!head) return refuse(served, answer, head.error());
  const auto stream = served.backend.start_chat(asked->messages, asked->tools, asked->options);
  if (!stream) return refuse(served, answer, stream.error());
  if (asked->streams) return stream_chat(served, *asked, *head, **stream, answer);
  const auto result = (*stream)->result();
  if (!result) return refuse(served, answer, result.error());
  std::vector<ReplyChoice> choices = choices_of(*result);
  keep_one_call(*asked, choices);
  Usage usage;
  usage.add(result->prompt_tokens, result->completion_tokens, result->metadata);
  answer.whole(200, kJson, chat_body(*head, choices, asked->options.logprobs.has_value(), usage));
}

using Completions = std::vector<std::unique_ptr<CompletionStream>>;

// One prompt after the other is told; all are made at the same time.
void stream_completions(const Served& served, const CompletionRequest& asked, const Head& head, const Completions& streams,
                        HttpAnswer& answer) {
  const bool tells_tokens = asked.options.logprobs.has_value();
  Usage usage;
  int index = 0;
  answer.begin(kEvents);
  for (const auto& stream : streams) {
    for (;;) {
      const StreamStep step = stream->next();
      if (step.kind == StreamStep::Kind::kFinished) break;
      answer.piece(completion_piece(head, index, step.text));
    }
    const auto result = stream->result();
    if (!result) return fail_stream(served, answer, result.error());
    usage.add(result->prompt_tokens, result->completion_tokens, result->metadata);
    const std::vector<ReplyChoice> choices = choices_of(*result);
    for (size_t i = 0; i < choices.size(); ++i, ++index) {
      if (i > 0) answer.piece(completion_piece(head, index, choices[i].text));
      answer.piece(completion_end(head, index, choices[i], tells_tokens));
    }
  }
  answer.piece((head.has_usage ? completion_usage(head, usage) : std::string()).append(kEndOfStream));
}

void complete(const Served& served, const HttpRequest& request, HttpAnswer& answer) {
  auto asked = read_completion(request.body);
  if (!asked) return refuse(served, answer, asked.error());
  const auto head = prepare(served, request, *asked, "cmpl");
  if (!head) return refuse(served, answer, head.error());
  Completions streams;
  for (const std::string& prompt : asked->prompts) {
    auto stream = served.backend.start(prompt, asked->options);
    if (!stream) return refuse(served, answer, stream.error());
    streams.push_back(*std::move(stream));
  }
  if (asked->streams) return stream_completions(served, *asked, *head, streams, answer);
  Usage usage;
  std::vector<ReplyChoice> choices;
  for (const auto& stream : streams) {
    const auto result = stream->result();
    if (!result) return refuse(served, answer, result.error());
    usage.add(result->prompt_tokens, result->completion_tokens, result->metadata);
    for (ReplyChoice& each : choices_of(*result)) choices.push_back(std::move(each));
  }
  answer.whole(200, kJson, completion_body(*head, choices, asked->options.logprobs.has_value(), usage));
}

}  // namespace

std::vector<HttpRoute> routes(const Served& served) {
  const auto shared = std::make_shared<const Served>(served);
  const auto bound = [&](auto act) {
    return [shared, act](const HttpRequest& request, HttpAnswer& answer) { act(*shared, request, answer); };
  };
  constexpr std::string_view kModels = "/v1/models/";
  return {
      {"POST", "/v1/chat/completions", bound(chat)},
      {"POST", "/v1/completions", bound(complete)},
      {"GET", "/v1/models",
       [shared](const HttpRequest&, HttpAnswer& answer) { answer.whole(200, kJson, models_body(shared->model, shared->loaded_at)); }},
      {"GET", kModels,
       [shared, kModels](const HttpRequest& request, HttpAnswer& answer) {
         const std::string_view name = std::string_view(request.path).substr(kModels.size());
         if (name != shared->model)
           return refuse(*shared, answer, not_found("model: '{}' is not served here, '{}' is", escaped(name), shared->model));
         answer.whole(200, kJson, model_body(shared->model, shared->loaded_at));
       }},
  };
}

std::string refusal_body(int status, std::string_view message) {
  JsonWriter json;
  json.begin_object().key("error").begin_object().member("message", message);
  json.member("type", status < 500 ? "invalid_request_error" : "server_error").member("param", nullptr);
  json.member("code", status == 401 ? std::optional<std::string_view>("invalid_api_key") : std::nullopt);
  return json.end_object().end_object().take();
}

}  // namespace halfbyte::openai
