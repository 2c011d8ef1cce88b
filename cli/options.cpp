#include "cli/options.h"

#include <algorithm>
#include <limits>
#include <random>

namespace halfbyte {
namespace {

constexpr int kMostTokens = 1 << 24;

template <auto member, class T>
constexpr ReplyField<T> sampling(T least, T greatest) {
  return {[](Request& r) -> T& { return r.sampling.*member; }, least, greatest};
}

using S = SamplingOptions;
constexpr ReplyOption kReplyOptions[] = {
    {"temperature", "spread of the choice; 0: always the likeliest token", sampling<&S::temperature>(0.0F, 100.0F)},
    {"top-k", "choose among the N likeliest tokens; 0: all", sampling<&S::top_k>(0, kMostTokens)},
    {"top-p", "choose among the likeliest tokens that together have this probability", sampling<&S::top_p>(0.0F, 1.0F)},
    {"min-p", "leave out tokens less likely than this part of the likeliest", sampling<&S::min_p>(0.0F, 1.0F)},
    {"repeat-penalty", "above 1: recent tokens become less likely", sampling<&S::repeat_penalty>(0.1F, 100.0F)},
    {"presence-penalty", "taken once from the logit of every recent token", sampling<&S::presence_penalty>(-100.0F, 100.0F)},
    {"frequency-penalty", "taken from a recent token's logit per occurrence", sampling<&S::frequency_penalty>(-100.0F, 100.0F)},
    {"repeat-window", "tokens that count as recent; -1: the whole context", sampling<&S::repeat_window>(-1, kMostTokens)},
    {"seed", "same seed, same reply; without it every run draws one",
     sampling<&S::seed>(uint64_t{0}, std::numeric_limits<uint64_t>::max())},
    {"max-tokens", "longest reply in tokens; -1: until the context is full",
     ReplyField<int>{[](Request& r) -> int& { return r.max_tokens; }, -1, kMostTokens}},
};

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

Result<void> set(Request& request, const ReplyOption& option, std::string_view value) {
  const auto assign = [&](const auto& field) -> Result<void> {
    HB_TRY_INTO(field.of(request), parse_number(value, field.least, field.greatest));
    return {};
  };
  return std::visit(assign, option.field);
}

}  // namespace

std::span<const ReplyOption> reply_options() { return kReplyOptions; }

std::string value_text(const ReplyOption& option, Request request) {
  return std::visit([&](const auto& field) { return fmt::format("{}", field.of(request)); }, option.field);
}

Result<void> set_reply_option(Request& request, std::string name, std::string_view value) {
  std::ranges::replace(name, '_', '-');
  const auto option = std::ranges::find(kReplyOptions, name, &ReplyOption::name);
  if (option == std::end(kReplyOptions)) {
    std::string known;
    for (const ReplyOption& o : kReplyOptions) known += fmt::format("{}{}", known.empty() ? "" : ", ", o.name);
    return invalid("'{}' is not known: expected one of {}", escaped(name), known);
  }
  if (const auto done = set(request, *option, value); !done) return invalid("{}: {}", name, done.error().message);
  return {};
}

void declare_reply_options(Arguments& args, ChosenReply& chosen) {
  std::random_device entropy;
  chosen.request.sampling.seed = (uint64_t{entropy()} << 32) | entropy();
  for (const ReplyOption& option : kReplyOptions) {
    const std::string range =
        std::visit([](const auto& field) { return fmt::format("{} to {}", field.least, field.greatest); }, option.field);
    args.value(fmt::format("--{}", option.name), "N", fmt::format("{} ({})", option.meaning, range),
               [&](const std::string& text) -> Result<void> {
                 chosen.given.push_back(option.name);
                 return set(chosen.request, option, text);
               });
  }
  args.repeated("--stop", "TEXT", "end the reply before this text; may be given several times",
                [&](const std::string& text) -> Result<void> {
                  if (text.empty()) return invalid("the text is empty");
                  chosen.given.push_back("stop");
                  chosen.request.stop.push_back(text);
                  return {};
                });
}

void declare_threads(Arguments& args, std::string_view flags, int& threads) {
  args.number(flags, threads, 0, 1024, "threads; 0: as `doctor`, or a chat while it waited, found best, else one per processor");
}

void declare_step_options(Arguments& args, int& chunk_tokens, KvType& kv_type, ActivationMode& activations) {
  args.number("--chunk", chunk_tokens, 1, 1 << 16, "most tokens in one step");
  std::vector<Choice<KvType>> kv_types;
  for (const KvTypeName& kind : kKvTypes) kv_types.push_back({kind.name, kind.type});
  args.value("--kv-type", "f16|bf16|q8_0|f32", "numbers of cached keys and values", choice(kv_type, std::move(kv_types)));
  args.value("--activations", "int8|f32", "f32 checks the formula: exact and slow",
             choice<ActivationMode>(activations, {{"int8", ActivationMode::kInt8}, {"f32", ActivationMode::kFloat}}));
}

void declare_json(Arguments& args, bool& json) { args.flag("--json", json, "print JSON"); }

}  // namespace halfbyte
