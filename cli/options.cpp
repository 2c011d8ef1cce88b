#include "cli/options.h"

#include <algorithm>
#include <random>

#include "ops/kv_type.h"
#include "sampling/fields.h"

namespace halfbyte {
namespace {

constexpr int kMostTokens = 1 << 24;

std::vector<ReplyOption> all_reply_options() {
  std::vector<ReplyOption> all;
  for (const SamplingField& field : kSamplingFields) {
    std::string name(field.name);
    std::ranges::replace(name, '_', '-');
    all.push_back({std::move(name), field.meaning, &field});
  }
  all.push_back({"max-tokens", "longest reply in tokens; -1: until the context is full", nullptr});
  return all;
}

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
  if (option.sampling == nullptr) {
    HB_TRY_INTO(request.max_tokens, parse_number(value, -1, kMostTokens));
    return {};
  }
  const auto assign = [&](const auto& range) -> Result<void> {
    HB_TRY_INTO(request.sampling.*range.member, parse_number(value, range.least, range.greatest));
    return {};
  };
  return std::visit(assign, option.sampling->range);
}

std::string range_text(const ReplyOption& option) {
  if (option.sampling == nullptr) return fmt::format("-1 to {}", kMostTokens);
  const auto text = [](const auto& range) { return fmt::format("{} to {}", range.least, range.greatest); };
  return std::visit(text, option.sampling->range);
}

}  // namespace

std::span<const ReplyOption> reply_options() {
  static const std::vector<ReplyOption> all = all_reply_options();
  return all;
}

std::string value_text(const ReplyOption& option, const Request& request) {
  return option.sampling != nullptr ? value_text(*option.sampling, request.sampling) : fmt::format("{}", request.max_tokens);
}

Result<void> set_reply_option(Request& request, std::string name, std::string_view value) {
  std::ranges::replace(name, '_', '-');
  const auto option = std::ranges::find(reply_options(), name, &ReplyOption::name);
  if (option == reply_options().end()) {
    std::string known;
    for (const ReplyOption& o : reply_options()) known += fmt::format("{}{}", known.empty() ? "" : ", ", o.name);
    return invalid("'{}' is not known: expected one of {}", escaped(name), known);
  }
  if (const auto done = set(request, *option, value); !done) return invalid("{}: {}", name, done.error().message);
  return {};
}

void declare_reply_options(Arguments& args, ChosenReply& chosen) {
  for (const ReplyOption& option : reply_options())
    args.value(fmt::format("--{}", option.name), "N", fmt::format("{} ({})", option.meaning, range_text(option)),
               [&](const std::string& text) -> Result<void> {
                 if (option.sampling == nullptr) chosen.has_max_tokens = true;
                 return set(chosen.request, option, text);
               });
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

std::string memory_text(const EngineMemory& memory) {
  const auto megabytes = [](uint64_t bytes) { return static_cast<double>(bytes) / 1e6; };
  return fmt::format("{:.1f} MB: weights {:.1f}, work space {:.1f}, cache up to {:.1f} for {} tokens", megabytes(memory.total()),
                     megabytes(memory.weights), megabytes(memory.workspace), megabytes(memory.cache), memory.cache_tokens);
}

void declare_json(Arguments& args, bool& json) { args.flag("--json", json, "print JSON"); }

}  // namespace halfbyte
