// halfbyte doctor: what this machine has, how fast it is, how many threads that asks for, and what makes it slow.
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "base/json_writer.h"
#include "cli/commands.h"
#include "cli/findings.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/stored_calibration.h"

namespace halfbyte {
namespace {

struct Options {
  bool json = false, force = false;
};

struct Examination {
  MachineFacts machine;
  Isa chosen = Isa::kScalar;
  std::vector<Finding> findings;
  std::filesystem::path file;  // of the calibration; empty: there is no home
  std::string file_state;      // what was done with it, and why
  Calibration calibration;
};

// From the file, or measured and kept there. A busy machine's figures are kept only with --force: they would choose threads for
// all that runs after.
Result<Calibration> calibration_of(Examination& e, bool is_forced) {
  const MachineKey key = machine_key(e.machine, e.chosen);
  std::string reason = "--force";
  if (!is_forced && !e.file.empty()) {
    auto stored = read_calibration(e.file, key);
    if (stored) {
      e.file_state = "read (--force measures again)";
      return stored;
    }
    std::error_code unknown;
    reason = std::filesystem::exists(e.file, unknown) ? stored.error().message : "there was none";
  }
  CalibrationOptions options = calibration_options(e.machine, e.chosen);
  const bool shows_progress = stderr_is_terminal();
  if (shows_progress) options.tell = print_status;
  const auto measured = calibrate(options);
  if (shows_progress) print_status({});
  if (!measured) return measured;
  if (e.file.empty()) {
    e.file_state = "not written: neither XDG_CACHE_HOME nor HOME names a folder";
  } else if (is_busy(e.machine) && !is_forced) {
    e.file_state = fmt::format("not written, the machine is busy: run this again when it is idle, or with --force ({})", reason);
  } else {
    const auto written = write_calibration(e.file, key, *measured);
    e.file_state = written ? fmt::format("written ({})", reason) : fmt::format("not written: {}", written.error().message);
  }
  return measured;
}

Result<Examination> examine(bool is_forced) {
  HB_TRY_ASSIGN(chosen, choose_isa());
  Examination e{.machine = machine_facts(), .chosen = chosen, .file = calibration_file_from_environment()};
  e.findings = findings(e.machine, default_isa(), chosen);
  HB_TRY_INTO(e.calibration, calibration_of(e, is_forced));
  return e;
}

std::string_view words(HugePages pages) {
  switch (pages) {
    case HugePages::kAlways: return "always";
    case HugePages::kOnRequest: return "on request";
    case HugePages::kNever: return "never";
    case HugePages::kUnknown: return "unknown";
  }
  return "unknown";
}

std::vector<std::string_view> names(std::span<const Isa> isas) {
  std::vector<std::string_view> all;
  for (const Isa isa : isas) all.push_back(name(isa));
  return all;
}

std::string gibibytes(const std::optional<uint64_t>& bytes) {
  return bytes ? fmt::format("{:.1f} GiB", static_cast<double>(*bytes) / (1 << 30)) : "unknown";
}

std::string text_of(const Examination& e) {
  const MachineFacts& m = e.machine;
  const Calibration& c = e.calibration;
  std::string out;
  const auto fact = [&](std::string_view name, const std::string& value) { out += fmt::format("{:<18} {}\n", name, value); };
  fact("processor", printable(m.processor));
  fact("processors", fmt::format("{}{}", m.processors, m.cores ? fmt::format(" on {} cores", *m.cores) : ""));
  fact("instruction sets", fmt::format("built: {}", fmt::join(names(isas_built()), ", ")));
  fact("", fmt::format("run here: {}", fmt::join(names(isas_here()), ", ")));
  fact("", fmt::format("in use: {}", name(e.chosen)));
  fact("memory", fmt::format("{}, {} available", gibibytes(m.memory_bytes), gibibytes(m.available_bytes)));
  fact("huge pages", std::string(words(m.huge_pages)));
  fact("processor limit", m.cpu_limit ? fmt::format("{:.3g} of the control group", *m.cpu_limit) : "none");
  fact("load", m.load ? fmt::format("{:.2f} over the last minute", *m.load) : "unknown");
  fact("clock", c.clock_hz ? fmt::format("{:.2f} GHz", *c.clock_hz / 1e9) : "unknown");

  out += "\nthreads  read GB/s  prompt GMAC/s  barrier us\n";
  for (const PoolSpeed& p : c.pools)
    out += fmt::format("{:>7}  {:>9.1f}  {:>13.1f}  {:>10.2f}\n", p.threads, p.bytes_per_second / 1e9, p.macs_per_second / 1e9,
                       p.barrier_seconds * 1e6);
  out += "\nformat  tokens  GMAC/s  MAC/cycle (one thread, weights in its cache)\n";
  for (const KernelSpeed& k : c.kernels)
    out += fmt::format("{:<6}  {:>6}  {:>6.1f}  {:>9}\n", printable(k.format), k.tokens, k.macs_per_second / 1e9,
                       c.clock_hz ? fmt::format("{:.1f}", k.macs_per_second / *c.clock_hz) : "-");

  const ThreadChoice threads = choose_threads(c.pools);
  out += fmt::format("\nthreads: {} for generation, {} for prompts; commands take {} where --threads is 0\n", threads.generation,
                     threads.prompt, threads.pool);
  out += fmt::format("{}{}\n", e.file.empty() ? "" : printable(e.file.string()) + ": ", printable(e.file_state));
  if (!e.findings.empty()) out += "\n";
  for (const Finding& finding : e.findings) out += fmt::format("{} {}\n", finding.is_fault ? "fault:" : "note: ", finding.text);
  return out;
}

std::string json_of(const Examination& e) {
  const MachineFacts& m = e.machine;
  const Calibration& c = e.calibration;
  JsonWriter out;
  out.begin_object();
  out.member("processor", m.processor).member("processors", m.processors).member("cores", m.cores);
  out.member("isas_built", names(isas_built())).member("isas", names(isas_here())).member("isa", name(e.chosen));
  out.member("memory_bytes", m.memory_bytes).member("available_bytes", m.available_bytes);
  out.member("huge_pages", words(m.huge_pages)).member("cpu_limit", m.cpu_limit).member("load", m.load);
  out.member("clock_hz", c.clock_hz);
  out.key("pools").begin_array();
  for (const PoolSpeed& p : c.pools)
    out.begin_object()
        .member("threads", p.threads)
        .member("bytes_per_second", p.bytes_per_second)
        .member("macs_per_second", p.macs_per_second)
        .member("barrier_seconds", p.barrier_seconds)
        .end_object();
  out.end_array().key("kernels").begin_array();
  const double clock = c.clock_hz.value_or(std::numeric_limits<double>::quiet_NaN());  // written as null
  for (const KernelSpeed& k : c.kernels) {
    out.begin_object().member("format", k.format).member("tokens", k.tokens).member("macs_per_second", k.macs_per_second);
    out.member("macs_per_cycle", k.macs_per_second / clock).end_object();
  }
  const ThreadChoice threads = choose_threads(c.pools);
  out.end_array().key("threads").begin_object();
  out.member("generation", threads.generation).member("prompt", threads.prompt).member("pool", threads.pool).end_object();
  out.member("file", e.file.string()).member("file_state", e.file_state);
  out.key("findings").begin_array();
  for (const Finding& f : e.findings) out.begin_object().member("fault", f.is_fault).member("text", f.text).end_object();
  out.end_array().end_object();
  return out.take() + "\n";
}

}  // namespace

Action declare_doctor(Arguments& args) {
  const auto options = std::make_shared<Options>();
  declare_json(args, options->json);
  args.flag("--force", options->force, "measure again and keep that, also on a busy machine");
  return [options]() -> Result<int> {
    HB_TRY_ASSIGN(examination, examine(options->force));
    print(options->json ? json_of(examination) : text_of(examination));
    return std::ranges::any_of(examination.findings, &Finding::is_fault) ? 1 : 0;
  };
}

}  // namespace halfbyte
