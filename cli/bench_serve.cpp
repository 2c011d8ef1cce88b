// halfbyte bench serve: many requests to one engine at once.
#include <algorithm>
#include <limits>
#include <memory>
#include <optional>

#include "base/file.h"
#include "base/json_writer.h"
#include "base/replace_file.h"
#include "cli/adapter_options.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/model_file.h"
#include "cli/notice.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/serving_chart.h"
#include "cli/stored_calibration.h"
#include "cli/trace_file.h"
#include "kernels/isa.h"
#include "measure/serving.h"

namespace halfbyte {
namespace {

constexpr int kDefaultRequests = 32, kDefaultClients = 8;

struct Options {
  std::string model, text_file, svg, trace;
  LoadOptions load{.prompt = *Lengths::parse("128"), .reply = *Lengths::parse("64"), .seed = 1};
  int requests = 0, clients = 0;
  float rate = 0, seconds = 0, latency_target_ms = 0;
  EngineOptions engine;
  std::string draft_model;
  ChosenAdapters adapters;
  bool json = false;
};

// What the engine did for it.
struct Work {
  uint64_t steps = 0, tokens = 0, preemptions = 0;
  double step_seconds = 0;
};

struct Outcome {
  std::vector<ServedRequest> served;
  ServingFigures figures;
  Work work;
  int threads = 0;
  EngineMemory memory;
};

Work work_between(const EngineStats& before, const EngineStats& after) {
  return {.steps = after.steps - before.steps,
          .tokens = after.tokens - before.tokens,
          .preemptions = after.preemptions - before.preemptions,
          .step_seconds = after.step.sum - before.step.sum};
}

double per_second(uint64_t count, const ServingFigures& figures) {
  return figures.seconds > 0 ? static_cast<double>(count) / figures.seconds : 0;
}

double tokens_per_step(const Work& work) { return work.steps > 0 ? static_cast<double>(work.tokens) / static_cast<double>(work.steps) : 0; }

std::string load_text(const Options& o) {
  std::string text = fmt::format("prompts of {} tokens ({}), replies of {}", o.load.prompt.text(),
                                 o.load.text.empty() ? "random" : o.text_file, o.load.reply.text());
  if (o.load.shared_prefix > 0) text += fmt::format(", a shared prefix of {}", o.load.shared_prefix);
  text += o.rate > 0 ? fmt::format("; {:g} requests/s", o.rate) : fmt::format("; {} clients", o.clients);
  return text + fmt::format(", seed {}", o.load.seed);
}

std::string as_text(const Options& options, const Outcome& outcome) {
  const ServingFigures& f = outcome.figures;
  std::string out =
      fmt::format("{}\n{} threads; {}\nmemory {}\n\n", options.model, outcome.threads, load_text(options), memory_text(outcome.memory));
  const auto line = [&](std::string_view label, auto count, std::string_view more) {
    out += fmt::format("{:<14} {:>10}   {}\n", label, count, more);
  };
  line("requests", f.requests,
       fmt::format("in {:.2f} s, {:.2f} requests/s", f.seconds, per_second(static_cast<uint64_t>(f.requests - f.refused - f.failed), f)));
  if (f.refused > 0) line("refused", f.refused, "the queue was full");
  if (f.failed > 0) line("failed", f.failed, f.first_error->message);
  line("output tokens", f.generated_tokens, fmt::format("{:.1f} tokens/s", per_second(f.generated_tokens, f)));
  line("all tokens", f.prompt_tokens + f.generated_tokens,
       fmt::format("{:.1f} tokens/s", per_second(f.prompt_tokens + f.generated_tokens, f)));
  if (f.cached_tokens > 0) line("cached tokens", f.cached_tokens, "of prompts, not computed");
  line("steps", outcome.work.steps,
       fmt::format("{:.1f} tokens each, {:.1f} % of the time", tokens_per_step(outcome.work),
                   f.seconds > 0 ? outcome.work.step_seconds / f.seconds * 100 : 0));
  if (outcome.work.preemptions > 0) line("preemptions", outcome.work.preemptions, "for want of cache");
  out += fmt::format("\n{:<14} {:>10} {:>10} {:>10} {:>10}\n", "ms", "p50", "p90", "p99", "greatest");
  const auto spread = [&](std::string_view label, const std::optional<Spread>& s) {
    if (s) out += fmt::format("{:<14} {:>10.1f} {:>10.1f} {:>10.1f} {:>10.1f}\n", label, s->p50, s->p90, s->p99, s->greatest);
  };
  spread("queue", f.queue);
  spread("first token", f.first_token);
  spread("inter-token", f.inter_token);
  spread("request", f.request);
  return out;
}

std::string as_json(const Options& options, const Outcome& outcome) {
  const ServingFigures& f = outcome.figures;
  JsonWriter out;
  out.begin_object().member("model", options.model).member("threads", outcome.threads);
  out.member("prompt", options.load.prompt.text()).member("reply", options.load.reply.text());
  out.member("text", options.load.text.empty() ? std::optional<std::string>() : options.text_file);
  out.member("shared_prefix", options.load.shared_prefix).member("temperature", options.load.temperature).member("seed", options.load.seed);
  out.member("clients", options.rate > 0 ? std::optional<int>() : options.clients).member("rate", options.load.rate);
  out.member("requests", f.requests).member("refused", f.refused).member("failed", f.failed).member("seconds", f.seconds);
  out.member("prompt_tokens", f.prompt_tokens).member("cached_tokens", f.cached_tokens).member("generated_tokens", f.generated_tokens);
  out.member("generated_tokens_per_second", per_second(f.generated_tokens, f));
  out.member("tokens_per_second", per_second(f.prompt_tokens + f.generated_tokens, f));
  out.member("requests_per_second", per_second(static_cast<uint64_t>(f.requests - f.refused - f.failed), f));
  out.member("steps", outcome.work.steps).member("tokens_per_step", tokens_per_step(outcome.work));
  out.member("step_seconds", outcome.work.step_seconds).member("preemptions", outcome.work.preemptions);
  const auto spread = [&](std::string_view name, const std::optional<Spread>& s) {
    out.key(name);
    if (!s)
      out.value(nullptr);
    else
      out.begin_object().member("p50", s->p50).member("p90", s->p90).member("p99", s->p99).member("max", s->greatest).end_object();
  };
  spread("queue_ms", f.queue);
  spread("first_token_ms", f.first_token);
  spread("inter_token_ms", f.inter_token);
  spread("request_ms", f.request);
  out.key("memory").begin_object().member("weight_bytes", outcome.memory.weights).member("workspace_bytes", outcome.memory.workspace);
  out.member("cache_bytes", outcome.memory.cache).member("cache_tokens", outcome.memory.cache_tokens).end_object();
  out.key("each").begin_array();
  for (const ServedRequest& one : outcome.served) {
    out.begin_object().member("asked_s", one.asked).member("prompt_tokens", one.usage.prompt_tokens);
    out.member("cached_tokens", one.usage.cached_tokens).member("generated_tokens", one.usage.completion_tokens);
    out.member("queue_ms", one.usage.queued_ms);
    out.member("first_token_ms", one.first ? std::optional((*one.first - one.asked) * 1e3) : std::nullopt);
    out.member("request_ms", (one.ended - one.asked) * 1e3).member("inter_token_ms_max", one.usage.inter_token_ms);
    out.member("error", one.error ? std::optional(one.error->message) : std::nullopt).end_object();
  }
  return out.end_array().end_object().take() + "\n";
}

std::string as_svg(const Options& options, const Outcome& outcome) {
  ChartCurve curves[] = {{"queue", {}}, {"first token", {}}, {"inter-token", {}}, {"request", {}}};
  for (const ServedRequest& one : outcome.served) {
    if (one.error) continue;
    curves[0].seconds.push_back(one.usage.queued_ms * 1e-3);
    curves[1].seconds.push_back(one.first.value_or(one.ended) - one.asked);
    curves[2].seconds.insert(curves[2].seconds.end(), one.gaps.begin(), one.gaps.end());
    curves[3].seconds.push_back(one.ended - one.asked);
  }
  return serving_chart(fmt::format("{}: {:.1f} output tokens/s, {}", options.model,
                                   per_second(outcome.figures.generated_tokens, outcome.figures), load_text(options)),
                       curves);
}

Result<int> bench_serve(Options& options) {
  if (options.rate > 0 && options.clients > 0)
    return invalid("--rate and --clients: either requests come at a rate, or each client asks when its last reply has ended");
  if (options.rate == 0 && options.clients == 0) options.clients = kDefaultClients;
  if (options.rate > 0) options.load.rate = options.rate;
  if (options.requests == 0 && options.seconds == 0) options.requests = kDefaultRequests;
  std::string text;
  if (!options.text_file.empty())
    HB_TRY_INTO(text, options.text_file == "-" ? read_stdin() : read_text(options.text_file, kMostInputBytes));
  HB_TRY_ASSIGN(found, find_model(options.model));
  if (!options.draft_model.empty()) {
    HB_TRY_ASSIGN(draft, find_model(options.draft_model));
    options.engine.draft_model = draft.path;
  }

  options.engine.adapters = options.adapters.files;
  options.load.adapters = options.adapters.uses;

  // Room for all clients, that the engine's policy is measured and not its want of memory, unless that is asked for.
  const int most = options.clients * (options.load.shared_prefix + options.load.prompt.greatest(0) + options.load.reply.greatest(0) + 32);
  if (options.engine.cache_tokens == 0 && options.engine.kv_memory_bytes == 0) options.engine.cache_tokens = most;
  options.engine.queue = std::max(options.engine.queue, options.clients);
  options.engine.latency_target_ms = options.latency_target_ms;
  options.engine.threads = threads_or_calibrated(options.engine.threads);
  std::optional<Notice> notice(std::in_place, fmt::format("loading {} ...", options.model));
  HB_TRY_ASSIGN(engine, Engine::open(found.path, options.engine));
  notice.reset();
  for (const std::string& warning : engine.warnings()) print_aside(fmt::format("warning: {}\n", warning));
  if (!text.empty()) {
    options.load.text = engine.encode(text, /*add_special=*/false);
    if (options.load.text.empty()) return invalid("--text: {} has no tokens", options.text_file);
  }
  HB_TRY_ASSIGN(load, Load::create(options.load, engine.vocabulary(), engine.context_tokens()));

  ServingOptions serving{.requests = options.requests, .seconds = options.seconds};
  if (options.clients > 0) serving.clients = options.clients;
  if (stderr_is_terminal())
    serving.progress = [&](int asked, int ended) { print_status(fmt::format("{} requests asked, {} ended", asked, ended)); };
  const EngineStats before = engine.stats();
  Outcome outcome{.served = serve(engine, load, serving), .threads = engine.threads(), .memory = engine.memory()};
  if (serving.progress) print_status("");
  outcome.work = work_between(before, engine.stats());
  outcome.figures = figures(outcome.served);
  if (!options.svg.empty()) HB_TRY(replace_file(options.svg, as_svg(options, outcome)));
  print(options.json ? as_json(options, outcome) : as_text(options, outcome));
  return outcome.figures.failed > 0 ? 1 : 0;
}

void declare_lengths(Arguments& args, std::string_view flag, std::string_view meaning, Lengths& lengths) {
  args.value(flag, "LENGTH", meaning, [&lengths](const std::string& text) -> Result<void> {
    HB_TRY_INTO(lengths, Lengths::parse(text));
    return {};
  });
}

}  // namespace

Action declare_bench_serve(Arguments& args) {
  const auto options = std::make_shared<Options>();
  options->model = kDefaultModel;
  args.positional("MODEL", options->model, fmt::format("a .gguf file, a checkpoint's directory or a model's name ({})", kDefaultModel),
                  Arguments::Needed::kNo);
  args.number("--requests", options->requests, 0, 1 << 24,
              fmt::format("requests in all; 0: {}, or as many as come in --duration", kDefaultRequests));
  args.number("--duration", options->seconds, 0.0F, 1e6F, "ask nothing after so many seconds; 0: no limit");
  args.number("--clients", options->clients, 0, 4096,
              fmt::format("each asks when its last reply has ended; 0: {}, or none with --rate", kDefaultClients));
  args.number("--rate", options->rate, 0.0F, 1e6F, "instead: requests in a second, at random (Poisson) times");
  declare_lengths(args, "--prompt", "tokens of a prompt: N, LEAST..GREATEST or lognormal:MEDIAN:SIGMA", options->load.prompt);
  declare_lengths(args, "--reply", "tokens of a reply, likewise; end tokens are passed over", options->load.reply);
  args.number("--shared-prefix", options->load.shared_prefix, 0, 1 << 20, "tokens before every prompt, the same for all");
  args.text("--text", options->text_file, "prompts are stretches of this file's text, - is stdin; else random tokens");
  args.number("--temperature", options->load.temperature, 0.0F, 100.0F, "of the replies; 0: always the likeliest token");
  args.number("--seed", options->load.seed, uint64_t{0}, std::numeric_limits<uint64_t>::max(), "of lengths, tokens, times and replies");
  declare_memory(args, options->engine, "longest prefix, prompt and reply together, in tokens; 0: the model's own, at most 4096");
  args.number("--cache-tokens", options->engine.cache_tokens, 0, 1 << 28, "positions that all share; 0: enough for all clients");
  args.number("--queue", options->engine.queue, 1, 1 << 20, "most unfinished requests, but at least --clients; others are refused");
  args.number("--latency-target", options->latency_target_ms, 0.0F, 1e6F,
              "longest time between two tokens while others' prompts are read, in ms; 0: 100, or four times a step without them where that "
              "is more");
  declare_threads(args, "-t,--threads", options->engine.threads);
  declare_step_options(args, options->engine.chunk_tokens, options->engine.kv_types, options->engine.activations);
  declare_speculation(args, options->engine, options->draft_model);
  declare_adapters(args, options->adapters);
  declare_trace(args, options->trace);
  declare_json(args, options->json);
  args.text("--svg", options->svg, "also write the latencies' distributions as a picture into this file");
  return [options] { return with_trace(options->trace, options->engine, [&] { return bench_serve(*options); }); };
}

}  // namespace halfbyte
