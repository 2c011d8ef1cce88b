// The extension module halfbyte._core: plain types in and out; halfbyte/inference/engine.py makes the package's own of them.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <algorithm>

#include "base/errors.h"
#include "halfbyte/reply_fields.h"
#include "python/core/engine.h"
#include "python/core/errors.h"
#include "python/core/text.h"

namespace halfbyte::python {
namespace {

namespace nb = nanobind;
using namespace nb::literals;

// The names by which halfbyte/inference/engine_errors.py lists its classes.
nb::typed<nb::list, nb::str> code_names() {
  nb::typed<nb::list, nb::str> names;
  for (int code = 0; code <= static_cast<int>(Code::kInternal); ++code) names.append(text(row(static_cast<Code>(code)).name));
  return names;
}

// A member of the type that its value is cast to.
template <class Struct, class T>
void take(Struct& options, T Struct::* member, nb::handle value) {
  options.*member = nb::cast<T>(value);
}

// An option by its name in kSamplingFields or kReplyFields, or one that is in no list.
void take_option(CompletionOptions& options, const std::string& name, nb::handle value) {
  SamplingOptions& sampling = options.sampling;
  if (name == "logit_bias") {
    for (const auto& [token, bias] : nb::cast<nb::dict>(value))
      sampling.logit_bias.push_back({nb::cast<Token>(token), nb::cast<float>(bias)});
    return;
  }
  if (name == "allowed_tokens") return take(sampling, &SamplingOptions::allowed_tokens, value);
  if (name == "principal") return take(options, &CompletionOptions::principal, value);
  if (name == "thinking") return take(options, &CompletionOptions::thinking, value);
  if (name == "forced_prefix") return take(options, &CompletionOptions::forced_prefix, value);
  if (name == "stop_tokens") return take(options, &CompletionOptions::stop_tokens, value);
  if (name == "adapters") return void(options.adapters = adapters_of(nb::cast<NamedScales>(value)));
  if (name == "beam_search") {
    BeamSearch& rule = options.beam_search.emplace();
    for (const auto& [key, part] : nb::cast<nb::dict>(value)) {
      const auto member = nb::cast<std::string>(key);
      if (member == "width") take(rule, &BeamSearch::width, part);
      if (member == "length_penalty") take(rule, &BeamSearch::length_penalty, part);
      if (member == "early_stopping") take(rule, &BeamSearch::early_stopping, part);
    }
    return;
  }
  if (name == "repetition_detection") {
    RepetitionDetection& rule = options.repetition_detection.emplace();
    for (const auto& [key, part] : nb::cast<nb::dict>(value)) {
      const auto member = nb::cast<std::string>(key);
      if (member == "max_pattern_size") take(rule, &RepetitionDetection::max_pattern_size, part);
      if (member == "min_pattern_size") take(rule, &RepetitionDetection::min_pattern_size, part);
      if (member == "min_count") take(rule, &RepetitionDetection::min_count, part);
    }
    return;
  }
  if (name == "overflow")
    return void(options.overflow = nb::cast<std::string>(value) == "drop_turns" ? Overflow::kDropTurns : Overflow::kError);
  const auto& replies = kReplyFields<CompletionOptions>;
  if (const auto* field = std::ranges::find(replies, name, &ReplyField<CompletionOptions>::name); field != std::end(replies))
    return std::visit([&](const auto member) { take(options, member, value); }, field->member);
  const auto* field = std::ranges::find(kSamplingFields, name, &SamplingField::name);
  if (field == std::end(kSamplingFields)) raise(invalid("{}: no such option", escaped(name)));
  std::visit([&](const auto& range) { take(sampling, range.member, value); }, field->range);
}

// A member of EngineOptions by its name.
void take_engine_option(EngineOptions& options, const std::string& name, nb::handle value) {
  const auto file = [](nb::handle path) {
    const auto bytes = nb::cast<nb::bytes>(path);
    return std::filesystem::path(std::string(bytes.c_str(), bytes.size()));
  };
  if (name == "context_tokens") return take(options, &EngineOptions::context_tokens, value);
  if (name == "kv_memory_bytes") return take(options, &EngineOptions::kv_memory_bytes, value);
  if (name == "cache_tokens") return take(options, &EngineOptions::cache_tokens, value);
  if (name == "memory_utilization") return take(options, &EngineOptions::memory_utilization, value);
  if (name == "threads") return take(options, &EngineOptions::threads, value);
  if (name == "chunk_tokens") return take(options, &EngineOptions::chunk_tokens, value);
  if (name == "latency_target_ms") return take(options, &EngineOptions::latency_target_ms, value);
  if (name == "speculates") return take(options, &EngineOptions::speculates, value);
  if (name == "prefix_cache") return take(options, &EngineOptions::prefix_cache, value);
  if (name == "prefix_cache_bytes") return take(options, &EngineOptions::prefix_cache_bytes, value);
  if (name == "queue") return take(options, &EngineOptions::queue, value);
  if (name == "kv_type_k") return take(options.kv_types, &KvTypes::k, value);
  if (name == "kv_type_v") return take(options.kv_types, &KvTypes::v, value);
  if (name == "adapters") {
    for (const auto& [adapter, path] : nb::cast<nb::dict>(value)) options.adapters.push_back({nb::cast<std::string>(adapter), file(path)});
    return;
  }
  if (name == "draft_model") return void(options.draft_model = file(value));
  if (name == "prefix_cache_folder") return void(options.prefix_cache_folder = file(value));
  raise(invalid("{}: no such option", escaped(name)));
}

// By the names of _response_format.py; "" is none.
std::optional<GrammarSource> grammar_of(const std::string& kind, const std::string& source) {
  if (kind.empty()) return {};
  constexpr std::pair<std::string_view, GrammarKind> kKinds[] = {{"json_object", GrammarKind::kJsonObject},
                                                                 {"json_schema", GrammarKind::kJsonSchema},
                                                                 {"regex", GrammarKind::kRegex},
                                                                 {"choice", GrammarKind::kChoice},
                                                                 {"lark", GrammarKind::kLark},
                                                                 {"gbnf", GrammarKind::kGbnf}};
  const auto* found = std::ranges::find(kKinds, kind, &std::pair<std::string_view, GrammarKind>::first);
  if (found == std::end(kKinds)) raise(invalid("response_format: {} is not known", escaped(kind)));
  return GrammarSource{found->second, source};
}

template <class Stream>
void declare_stream(nb::module_& module, const char* name) {
  using Held = HeldStream<Stream>;
  nb::class_<Held>(module, name)
      .def("next", &Held::next, "The next piece of text, None at the end.")
      .def("result", &Held::result, "Reads what is left, and tells the whole.")
      .def("cancel", &Held::cancel, "No text comes after this; from any thread.");
}

void declare_values(nb::module_& module) {
  nb::class_<ToolCall>(module, "ToolCall")
      .def(
          "__init__",
          [](ToolCall* self, const std::string& name, const std::string& arguments, const std::string& call_id) {
            new (self) ToolCall{.name = name, .arguments = arguments, .call_id = call_id};
          },
          "name"_a, "arguments"_a, "call_id"_a);
  nb::class_<Tool>(module, "Tool")
      .def(
          "__init__",
          [](Tool* self, const std::string& name, const std::string& description, const std::string& parameters,
             const std::string& definition) {
            new (self) Tool{.name = name, .description = description, .parameters = parameters, .definition = definition};
          },
          "name"_a, "description"_a, "parameters"_a, "definition"_a);
  nb::class_<Message>(module, "Message")
      .def(
          "__init__",
          [](Message* self, const std::string& role, const std::string& content, const std::string& thinking,
             const std::vector<ToolCall>& tool_calls, const std::string& tool_name, const std::string& call_id, const std::string& parts,
             const std::string& extra) {
            new (self) Message{.role = role,
                               .content = content,
                               .thinking = thinking,
                               .tool_calls = tool_calls,
                               .tool_name = tool_name,
                               .call_id = call_id,
                               .parts = parts,
                               .extra = extra};
          },
          nb::kw_only(), "role"_a, "content"_a, "thinking"_a, "tool_calls"_a, "tool_name"_a, "call_id"_a, "parts"_a, "extra"_a);
  nb::class_<CompletionOptions>(module, "Options")
      .def(
          "__init__",
          [](CompletionOptions* self, int max_new_tokens, const std::vector<std::string>& stop, const std::string& grammar_kind,
             const std::string& grammar, const nb::kwargs& further) {
            CompletionOptions options{.max_new_tokens = max_new_tokens, .stop = stop, .grammar = grammar_of(grammar_kind, grammar)};
            for (const auto& [name, value] : further)
              if (!value.is_none()) take_option(options, nb::cast<std::string>(name), value);
            new (self) CompletionOptions(std::move(options));
          },
          nb::kw_only(), "max_new_tokens"_a, "stop"_a, "grammar_kind"_a, "grammar"_a, "further"_a);
}

void declare_engine(nb::module_& module) {
  nb::class_<HeldEngine>(module, "Engine")
      .def(
          "__init__",
          [](HeldEngine* self, const nb::bytes& model, const std::string& name, bool use_template, std::optional<bool> enable_thinking,
             bool parse_special, const nb::kwargs& engine) {
            EngineBackendOptions options{
                .name = name, .use_template = use_template, .enable_thinking = enable_thinking, .parse_special = parse_special};
            for (const auto& [key, value] : engine) take_engine_option(options.engine, nb::cast<std::string>(key), value);
            new (self) HeldEngine(std::string(model.c_str(), model.size()), std::move(options));
          },
          "model"_a, nb::kw_only(), "name"_a, "use_template"_a, "enable_thinking"_a.none(), "parse_special"_a, "engine"_a,
          "Loads a model: a path as the file system has it, or a name.")
      .def("info", &HeldEngine::info)
      .def("start", &HeldEngine::start, "prompt"_a, "options"_a)
      .def("start_chat", &HeldEngine::start_chat, "messages"_a, "tools"_a, "options"_a)
      .def("supports_tools", &HeldEngine::supports_tools)
      .def("log_likelihood", &HeldEngine::log_likelihood, "prompt"_a, "continuation"_a,
           "Of each token of the continuation, in nats; and what `warning` says in a reply.")
      .def("embed", &HeldEngine::embed, "texts"_a, "pooling"_a, "adapters"_a,
           "A vector for each text: mean, last or first of its tokens' states.")
      .def("stats", &HeldEngine::stats, "What the engine has done so far.")
      .def("memory", &HeldEngine::memory, "Bytes of weights, work space and cache, and the cache's tokens.")
      .def("close", &HeldEngine::close);
}

}  // namespace

void declare(nb::module_& module) {
  nb::set_leak_warnings(false);  // a stream that a thread still holds when the interpreter exits is closed, and is no leak
  module.attr("__version__") = HALFBYTE_VERSION;
  module.def("code_names", &code_names);
  declare_values(module);
  declare_stream<CompletionStream>(module, "CompletionStream");
  declare_stream<ChatStream>(module, "ChatStream");
  declare_engine(module);
  watch_forks();
  nb::module_::import_("atexit").attr("register")(nb::cpp_function(&close_all));
}

}  // namespace halfbyte::python

NB_MODULE(_core, module) { halfbyte::python::declare(module); }
