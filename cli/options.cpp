#include "cli/options.h"

#include <algorithm>
#include <limits>
#include <random>

#include "cli/token_list.h"
#include "ops/kv_type.h"
#include "sampling/fields.h"
#include "sampling/reply_fields.h"

namespace halfbyte {
namespace {

template <class E>
struct Choice {
  std::string_view name;
  E value;
};

template <class E>
Arguments::Setter choice(E& bound, std::vector<Choice<E>> choices) {
  return [&bound, choices = std::move(choices)](const std::string& given) -> Result<void> {
    std::string names;
    for (size_t i = 0; i < choices.size(); ++i) {
      if (choices[i].name == given) {
        bound = choices[i].value;
        return {};
      }
      names += i == 0 ? "" : i + 1 == choices.size() ? " or " : ", ";
      names += choices[i].name;
    }
    return invalid("'{}' is not known: expected {}", escaped(given), names);
  };
}

// TOKEN=BIAS.
Result<TokenBias> parse_bias(std::string_view text) {
  constexpr float kMostBias = 100;
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) return invalid("'{}': expected TOKEN=BIAS", escaped(text));
  TokenBias bias;
  HB_TRY_INTO(bias.token, parse_number(text.substr(0, equals), 0, std::numeric_limits<Token>::max()));
  const std::string_view value = text.substr(equals + 1);
  if (value == "-inf")
    bias.bias = -std::numeric_limits<float>::infinity();
  else
    HB_TRY_INTO(bias.bias, parse_number(value, -kMostBias, kMostBias));
  return bias;
}

// What has no place in the lists.
void declare_further_options(Arguments& args, Request& request) {
  SamplingOptions& sampling = request.sampling;
  args.repeated("--stop-token", "ID", "end the reply with this token; may be given several times",
                [&request](const std::string& text) -> Result<void> {
                  HB_TRY_ASSIGN(token, parse_number(text, 0, std::numeric_limits<Token>::max()));
                  request.stop_tokens.push_back(token);
                  return {};
                });
  args.value("--beam-width", "N", "look for the likeliest reply as a whole among so many beginnings (1 to 16)",
             [&request](const std::string& text) -> Result<void> {
               if (!request.beam_search) request.beam_search.emplace();
               HB_TRY_INTO(request.beam_search->width, parse_number(text, 1, 16));
               return {};
             });
  args.value("--length-penalty", "N", "of a search: above 0 longer replies score better (-100 to 100)",
             [&request](const std::string& text) -> Result<void> {
               if (!request.beam_search) request.beam_search.emplace();
               HB_TRY_INTO(request.beam_search->length_penalty, parse_number(text, -100.0F, 100.0F));
               return {};
             });
  args.repeated("--logit-bias", "TOKEN=BIAS", "add to a token's logit, -100 to 100; -inf: it never comes; may be given several times",
                [&sampling](const std::string& text) -> Result<void> {
                  HB_TRY_ASSIGN(bias, parse_bias(text));
                  sampling.logit_bias.push_back(bias);
                  return {};
                });
  args.value("--allowed-tokens", "IDS", "no other tokens come: ids as `halfbyte tokenize` prints them",
             [&sampling](const std::string& text) -> Result<void> {
               HB_TRY_INTO(sampling.allowed_tokens, parse_token_list(text, std::numeric_limits<Token>::max()));
               return {};
             });
}

}  // namespace

Result<void> check_fits_terminal(const Request& request) {
  for (const ReplyOption& option : reply_options())
    if (option.needs_json() && is_given(*std::get<const ReplyField<Request>*>(option.field), request))
      return invalid("{}: `run --json` tells it, and nothing else", option.name);
  return {};
}

void declare_reply_options(Arguments& args, ChosenReply& chosen) {
  for (const ReplyOption& option : reply_options()) {
    const std::string flag = fmt::format("--{}", option.name);
    const auto* const* row = std::get_if<const ReplyField<Request>*>(&option.field);
    if (const auto* fact = row != nullptr ? std::get_if<bool Request::*>(&(*row)->member) : nullptr) {
      args.flag(flag, chosen.request.*(*fact), option.meaning);
      continue;
    }
    args.value(flag, "N", fmt::format("{} ({})", option.meaning, range_text(option)), [&](const std::string& text) -> Result<void> {
      if (option.name == "max-tokens") chosen.has_max_tokens = true;
      return set_reply_value(chosen.request, option, text);
    });
  }
  declare_further_options(args, chosen.request);
  args.repeated("--stop", "TEXT", "end the reply before this text; may be given several times",
                [&](const std::string& text) -> Result<void> {
                  if (text.empty()) return invalid("the text is empty");
                  chosen.has_stop = true;
                  chosen.request.stop.push_back(text);
                  return {};
                });
}

uint64_t random_seed() {
  std::random_device entropy;
  return (uint64_t{entropy()} << 32) | entropy();
}

void declare_threads(Arguments& args, std::string_view flags, int& threads) {
  args.number(flags, threads, 0, 1024, "threads; 0: as `doctor`, or a chat while it waited, found best, else one per processor");
}

void declare_step_options(Arguments& args, int& chunk_tokens, KvTypes& kv_types, ActivationMode& activations) {
  args.number("--chunk", chunk_tokens, 1, 1 << 16, "most tokens in one step");
  const auto kv_type = [&](const char* flag, const char* meaning, std::vector<std::string*> bound) {
    std::vector<Choice<std::string>> choices;
    for (const KvType& type : halfbyte::kv_types()) choices.push_back({type.name, std::string(type.name)});
    args.value(flag, kv_type_names("|"), meaning, [bound, choices](const std::string& given) -> Result<void> {
      for (std::string* each : bound) HB_TRY(choice(*each, choices)(given));
      return {};
    });
  };
  kv_type("--kv-type", "numbers of cached keys and values", {&kv_types.k, &kv_types.v});
  kv_type("--kv-type-k", "of keys alone", {&kv_types.k});
  kv_type("--kv-type-v", "of values alone", {&kv_types.v});
  args.value("--activations", "int8|f32", "f32 checks the formula: exact and slow",
             choice<ActivationMode>(activations, {{"int8", ActivationMode::kInt8}, {"f32", ActivationMode::kFloat}}));
}

void declare_memory(Arguments& args, EngineOptions& engine, std::string_view context_meaning) {
  args.number("--ctx,--max-model-len", engine.context_tokens, 0, 1 << 24, context_meaning);
  args.value("--kv-memory", "SIZE",
             "bytes of cached keys and values of all sequences (500M, 2Gi); without it 8 of the longest, if there is room",
             [&engine](const std::string& text) -> Result<void> {
               HB_TRY_INTO(engine.kv_memory_bytes, parse_size(text));
               return {};
             });
  args.number("--memory-utilization", engine.memory_utilization, 0.0F, 1.0F, "part of the memory that is available which may be used");
}

void declare_speculation(Arguments& args, EngineOptions& engine, std::string& draft_model) {
  args.text("--draft", draft_model, "a smaller model of the same vocabulary that guesses the next tokens; no reply depends on it");
  args.value("--speculation", "on|off", "check guesses of the next tokens where that pays; no reply depends on it",
             choice(engine.speculates, {{"on", true}, {"off", false}}));
}

void declare_pooling(Arguments& args, Pooling& pooling) {
  args.value("--pooling", "mean|last|first", "whose states make the vector: all tokens' mean, the last one's, the first one's",
             choice<Pooling>(pooling, {{"mean", Pooling::kMean}, {"last", Pooling::kLast}, {"first", Pooling::kFirst}}));
}

std::string memory_text(const EngineMemory& memory) {
  const auto megabytes = [](uint64_t bytes) { return static_cast<double>(bytes) / 1e6; };
  return fmt::format("{:.1f} MB: weights {:.1f}, work space {:.1f}, cache up to {:.1f} for {} tokens", megabytes(memory.total()),
                     megabytes(memory.weights), megabytes(memory.workspace), megabytes(memory.cache), memory.cache_tokens);
}

void declare_json(Arguments& args, bool& json) { args.flag("--json", json, "print JSON"); }

}  // namespace halfbyte
