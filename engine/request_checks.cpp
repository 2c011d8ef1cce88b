#include "engine/request_checks.h"

#include <algorithm>
#include <limits>

#include "base/errors.h"
#include "engine/runner.h"
#include "sampling/fields.h"
#include "sampling/reply_fields.h"

namespace halfbyte {
namespace {

Result<void> check_range(std::string_view name, int value, int least, int most) {
  if (value < least || value > most) return invalid("{}: {} is outside {} to {}", name, value, least, most);
  return {};
}

Result<void> check_stops(const std::vector<std::string>& stops) {
  constexpr size_t kMostStops = 16, kMostStopBytes = 256;
  if (stops.size() > kMostStops) return invalid("stop: {} strings, at most {}", stops.size(), kMostStops);
  for (const std::string& stop : stops)
    if (stop.empty() || stop.size() > kMostStopBytes)
      return invalid("stop: a string of {} bytes, expected 1 to {}", stop.size(), kMostStopBytes);
  return {};
}

Result<void> check_repetition(const std::optional<RepetitionDetection>& rule) {
  if (!rule) return {};
  constexpr int kMostCount = 1024, kMostPattern = 1024;
  HB_TRY(check_range("repetition_detection.max_pattern_size", rule->max_pattern_size, 1, kMostPattern));
  HB_TRY(check_range("repetition_detection.min_pattern_size", rule->min_pattern_size, 1, rule->max_pattern_size));
  return check_range("repetition_detection.min_count", rule->min_count, 2, kMostCount);
}

Result<void> check_thinking(const Request& request, const Tokenizer& tokenizer) {
  if (!request.thinking) return {};
  constexpr size_t kMostBytes = 64;
  for (const std::string& marker : {request.thinking->open, request.thinking->close})
    if (marker.empty() || marker.size() > kMostBytes)
      return invalid("thinking: a marker of {} bytes, expected 1 to {}", marker.size(), kMostBytes);
  if (request.thinking_budget &&
      tokenizer.decode(tokenizer.encode(request.thinking->close), true).find(request.thinking->close) == std::string::npos)
    return unsupported("thinking_budget: the model's tokens cannot spell {}", request.thinking->close);
  return {};
}

// What of a request a beam search knows nothing of.
Result<void> check_beams(const Request& request) {
  if (!request.beam_search) return {};
  const BeamSearch& rule = *request.beam_search;
  constexpr int kMostBeams = 16;
  constexpr float kMostPenalty = 100;
  HB_TRY(check_range("beam_search.width", rule.width, 1, kMostBeams));
  if (!(rule.length_penalty >= -kMostPenalty && rule.length_penalty <= kMostPenalty))
    return invalid("beam_search.length_penalty: {} is outside {} to {}", rule.length_penalty, -kMostPenalty, kMostPenalty);
  if (request.choices > rule.width) return invalid("choices: {} of a beam_search of width {}", request.choices, rule.width);
  SamplingOptions others = request.sampling;
  others.temperature.reset();
  others.seed.reset();
  const std::pair<std::string_view, bool> refused[] = {{"sampling options", others != SamplingOptions{}},
                                                       {"max_tokens 0", request.max_tokens == 0},
                                                       {"forced_prefix", !request.forced_prefix.empty()},
                                                       {"best_of", request.best_of.has_value()},
                                                       {"keep_tokens", request.keep_tokens.has_value()},
                                                       {"grammar", request.grammar.has_value()},
                                                       {"thinking_budget", request.thinking && request.thinking_budget},
                                                       {"repetition_detection", request.repetition_detection.has_value()}};
  for (const auto& [name, is_given] : refused)
    if (is_given) return invalid("beam_search: given with {}", name);
  return {};
}

// Tokens stand in the context before the first is chosen; those that are to stay are few where it slides.
Result<void> check_room(Request& request, int context_tokens) {
  const size_t prompt = request.prompt.size(), prefix = request.forced_prefix.size(), context = static_cast<size_t>(context_tokens);
  if (request.keep_tokens) {
    if (prefix > context / 8)
      return too_long("forced_prefix of {} tokens: with keep_tokens an eighth of the context of {} at most", prefix, context);
    if (request.max_tokens < 0) request.max_tokens = std::numeric_limits<int>::max();
    return {};
  }
  if (prompt >= context) return too_long("prompt of {} tokens leaves no room in the context of {}", prompt, context);
  if (prompt + prefix >= context)
    return too_long("prompt of {} tokens and forced_prefix of {} leave no room in the context of {}", prompt, prefix, context);
  const auto room = static_cast<int>(context - prompt);
  request.max_tokens = request.max_tokens < 0 ? room : std::min(request.max_tokens, room);
  return {};
}

}  // namespace

Result<void> check_request(Request& request, const Tokenizer& tokenizer, int vocabulary, int context_tokens) {
  HB_TRY(check(request.sampling));
  HB_TRY(check_reply_fields(request));
  HB_TRY(check_tokens("prompt", request.prompt, vocabulary));
  if (!request.forced_prefix.empty()) HB_TRY(check_tokens("forced_prefix", request.forced_prefix, vocabulary));
  for (const Token token : request.forced_prefix)
    if ((!request.ignore_eos && tokenizer.ends_generation(token)) ||
        std::ranges::find(request.stop_tokens, token) != request.stop_tokens.end())
      return invalid("forced_prefix: token {} ends the reply", token);
  const bool may_be_none = request.prompt_logprobs.has_value();
  if (request.max_tokens < -1 || (request.max_tokens == 0 && !may_be_none))
    return invalid("max_tokens: {} is neither -1 nor at least {}", request.max_tokens, may_be_none ? 0 : 1);
  if (request.prompt_logprobs && request.keep_tokens)
    return invalid("prompt_logprobs: given with keep_tokens, which may drop what is asked for");
  std::vector<Token> named = request.sampling.allowed_tokens;
  for (const TokenBias& each : request.sampling.logit_bias) named.push_back(each.token);
  if (!named.empty()) HB_TRY(check_tokens("logit_bias and allowed_tokens", named, vocabulary));
  if (request.best_of && *request.best_of < request.choices)
    return invalid("best_of: {} of which {} choices are to be told", *request.best_of, request.choices);
  HB_TRY(check_beams(request));
  HB_TRY(check_stops(request.stop));
  constexpr size_t kMostStopTokens = 64;
  if (request.stop_tokens.size() > kMostStopTokens)
    return invalid("stop_tokens: {} of them, at most {}", request.stop_tokens.size(), kMostStopTokens);
  if (!request.stop_tokens.empty()) HB_TRY(check_tokens("stop_tokens", request.stop_tokens, vocabulary));
  HB_TRY(check_repetition(request.repetition_detection));
  HB_TRY(check_thinking(request, tokenizer));
  return check_room(request, context_tokens);
}

}  // namespace halfbyte
