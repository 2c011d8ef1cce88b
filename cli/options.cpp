#include "cli/options.h"

#include <algorithm>
#include <limits>
#include <random>

namespace halfbyte {
namespace {

constexpr int kMostTokens = 1 << 24;

constexpr ReplyOption kReplyOptions[] = {
    {"temperature",       "spread of the choice; 0: always the likeliest token",
     ReplyField<float>{[](Request& r) -> float& { return r.sampling.temperature; }, 0, 100}                                },
    {"top-k",             "choose among the N likeliest tokens; 0: all",
     ReplyField<int>{[](Request& r) -> int& { return r.sampling.top_k; }, 0, kMostTokens}                                  },
    {"top-p",             "choose among the likeliest tokens that together have this probability",
     ReplyField<float>{[](Request& r) -> float& { return r.sampling.top_p; }, 0, 1}                                        },
    {"min-p",             "leave out tokens less likely than this part of the likeliest",
     ReplyField<float>{[](Request& r) -> float& { return r.sampling.min_p; }, 0, 1}                                        },
    {"repeat-penalty",    "above 1: recent tokens become less likely",
     ReplyField<float>{[](Request& r) -> float& { return r.sampling.repeat_penalty; }, 0.01F, 100}                         },
    {"presence-penalty",  "taken once from the logit of every recent token",
     ReplyField<float>{[](Request& r) -> float& { return r.sampling.presence_penalty; }, -100, 100}                        },
    {"frequency-penalty", "taken from a recent token's logit per occurrence",
     ReplyField<float>{[](Request& r) -> float& { return r.sampling.frequency_penalty; }, -100, 100}                       },
    {"repeat-window",     "tokens that count as recent; -1: the whole context",
     ReplyField<int>{[](Request& r) -> int& { return r.sampling.repeat_window; }, -1, kMostTokens}                         },
    {"seed",              "same seed, same reply; without it every run draws one",
     ReplyField<uint64_t>{[](Request& r) -> uint64_t& { return r.sampling.seed; }, 0, std::numeric_limits<uint64_t>::max()}},
    {"max-tokens",        "longest reply in tokens; -1: until the context is full",
     ReplyField<int>{[](Request& r) -> int& { return r.max_tokens; }, -1, kMostTokens}                                     },
};

template <class E>
Arguments::Setter choice(E& bound, std::string_view first_name, E first, std::string_view second_name, E second) {
  return [&bound, first_name, first, second_name, second](const std::string& given) -> Result<void> {
    if (given != first_name && given != second_name)
      return invalid("'{}' is not known: expected {} or {}", escaped(given), first_name, second_name);
    bound = given == first_name ? first : second;
    return {};
  };
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
  const auto set = [&](const auto& field) -> Result<void> {
    const auto number = parse_number(value, field.least, field.greatest);
    if (!number) return invalid("{}: {}", name, number.error().message);
    field.of(request) = *number;
    return {};
  };
  return std::visit(set, option->field);
}

void declare_reply_options(Arguments& args, Request& request) {
  std::random_device entropy;
  request.sampling.seed = (uint64_t{entropy()} << 32) | entropy();
  for (const ReplyOption& option : kReplyOptions)
    std::visit(
        [&](const auto& field) {
          args.number("--" + std::string(option.name), field.of(request), field.least, field.greatest, option.meaning);
        },
        option.field);
  args.repeated("--stop", request.stop, "end the reply before this text; may be given several times");
}

void declare_threads(Arguments& args, std::string_view flags, int& threads) {
  args.number(flags, threads, 0, 1024, "threads; 0: one per processor");
}

void declare_step_options(Arguments& args, int& chunk_tokens, KvType& kv_type, ActivationMode& activations) {
  args.number("--chunk", chunk_tokens, 1, 1 << 16, "most tokens in one step");
  args.value("--kv-type", "f16|f32", "numbers of cached keys and values", choice(kv_type, "f16", KvType::kF16, "f32", KvType::kF32));
  args.value("--activations", "int8|f32", "f32 checks the formula: exact and slow",
             choice(activations, "int8", ActivationMode::kInt8, "f32", ActivationMode::kFloat));
}

void declare_json(Arguments& args, bool& json) { args.flag("--json", json, "print JSON"); }

}  // namespace halfbyte
