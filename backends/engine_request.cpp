#include "backends/engine_request.h"

#include <ranges>

#include "backends/json_members.h"
#include "base/errors.h"
#include "sampling/reply_fields.h"

namespace halfbyte {
namespace {

std::string sampling_fact(const CompletionOptions& options) {
  JsonWriter json;
  json.begin_object();
  write_sampling(json, options);
  return json.member("seed", options.sampling.seed.value_or(0)).end_object().take();
}

}  // namespace

std::string_view name_of(FinishReason reason) {
  switch (reason) {
    case FinishReason::kEnd: return "end";
    case FinishReason::kStop: return "stop";
    case FinishReason::kLength: return "length";
    case FinishReason::kRepetition: return "repetition";
    case FinishReason::kTimeout: return "timeout";
    case FinishReason::kCancelled: return "cancelled";
    case FinishReason::kFailed: break;
  }
  return "failed";
}

Result<EngineRequest> EngineRequest::start(std::shared_ptr<Engine> engine, Request request, const CompletionOptions& options, Facts facts,
                                           const Stopwatch& watch) {
  request.max_tokens = options.max_new_tokens;
  copy_reply_fields(request, options);
  request.principal = options.principal;
  if (!options.forced_prefix.empty())
    request.forced_prefix = engine->encode(options.forced_prefix, /*add_special=*/false, /*parse_special=*/false);
  request.stop_tokens = options.stop_tokens;
  request.adapters = options.adapters;
  request.beam_search = options.beam_search;
  request.repetition_detection = options.repetition_detection;
  request.sampling = options.sampling;
  request.grammar = options.grammar;
  request.stop.insert(request.stop.end(), options.stop.begin(), options.stop.end());
  EngineRequest run;
  run.facts_ = std::move(facts);
  run.facts_["sampling"] = sampling_fact(options);
  run.watch_ = watch;
  run.engine_ = engine;
  HB_TRY_INTO(run.reply_, ReplyStream::start(std::move(engine), std::move(request)));
  if (options.cancel.stop_possible())
    run.on_stop_ =
        std::make_unique<std::stop_callback<std::function<void()>>>(options.cancel, [stream = run.reply_.get()] { stream->cancel(); });
  return run;
}

ReplyStream::Step EngineRequest::next(std::optional<std::chrono::milliseconds> timeout) {
  ReplyStream::Step step = reply_->next(timeout);
  if (step.kind == ReplyStream::Step::Kind::kFinished && !latency_ms_) latency_ms_ = watch_.ms();
  return step;
}

Usage usage_of_all(const std::vector<ReplyStream::Choice>& choices) {
  Usage all = choices.front().last->usage;
  for (const ReplyStream::Choice& choice : choices | std::views::drop(1)) {
    const Usage& one = choice.last->usage;
    all.dropped_tokens += one.dropped_tokens;
    all.completion_tokens += one.completion_tokens;
    all.drafted_tokens += one.drafted_tokens;
    all.accepted_tokens += one.accepted_tokens;
  }
  return all;
}

ReplyChoice EngineRequest::told(const ReplyStream::Choice& choice) const {
  return {
      .text = choice.text, .finish_reason = std::string(name_of(*choice.last->finished)), .tokens = scored_tokens(*engine_, choice.tokens)};
}

std::vector<ScoredToken> scored_tokens(const Engine& engine, const std::vector<ReplyToken>& tokens) {
  const auto one = [&engine](const TokenProbability& token) {
    return ScoredToken{.text = engine.token_text(token.token), .id = token.token, .log_probability = token.log_probability};
  };
  std::vector<ScoredToken> all;
  for (const ReplyToken& token : tokens) {
    all.push_back(one(token.chosen));
    for (const TokenProbability& other : token.likeliest) all.back().likeliest.push_back(one(other));
  }
  return all;
}

Facts EngineRequest::facts(const Usage& usage) const {
  const Event& last = *reply_->choices().front().last;
  Facts all = facts_;
  all["finish_reason"] = name_of(*last.finished);
  const std::pair<const char*, int> counts[] = {{"dropped_tokens", usage.dropped_tokens},
                                                {"cached_tokens", usage.cached_tokens},
                                                {"drafted_tokens", usage.drafted_tokens},
                                                {"accepted_tokens", usage.accepted_tokens}};
  for (const auto& [name, count] : counts)
    if (count > 0) all[name] = std::to_string(count);
  const std::pair<const char*, double> times[] = {{"queued_ms", usage.queued_ms},
                                                  {"prompt_ms", usage.prompt_ms},
                                                  {"generation_ms", usage.generation_ms},
                                                  {"inter_token_ms", usage.inter_token_ms}};
  for (const auto& [name, ms] : times) all[name] = fmt::format("{:.3f}", ms);
  if (!last.warning.empty()) all["warning"] = last.warning;
  return all;
}

}  // namespace halfbyte
