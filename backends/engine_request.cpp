#include "backends/engine_request.h"

#include "backends/json_members.h"
#include "base/errors.h"

namespace halfbyte {
namespace {

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

std::string sampling_fact(const CompletionOptions& options) {
  JsonWriter json;
  json.begin_object();
  write_sampling(json, options);
  return json.member("seed", options.sampling.seed.value_or(0)).end_object().take();
}

}  // namespace

Result<EngineRequest> EngineRequest::start(std::shared_ptr<Engine> engine, Request request, const CompletionOptions& options, Facts facts,
                                           const Stopwatch& watch) {
  request.max_tokens = options.max_new_tokens;
  request.sampling = options.sampling;
  request.grammar = options.grammar;
  request.stop.insert(request.stop.end(), options.stop.begin(), options.stop.end());
  EngineRequest run;
  run.facts_ = std::move(facts);
  run.facts_["sampling"] = sampling_fact(options);
  run.watch_ = watch;
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

Facts EngineRequest::facts(const Event& last) const {
  Facts all = facts_;
  all["finish_reason"] = name_of(*last.finished);
  const Usage& usage = last.usage;
  const std::pair<const char*, int> counts[] = {
      {"cached_tokens", usage.cached_tokens}, {"drafted_tokens", usage.drafted_tokens}, {"accepted_tokens", usage.accepted_tokens}};
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
