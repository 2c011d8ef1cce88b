#include "measure/calibration_file.h"

#include <cmath>

#include "base/errors.h"
#include "base/file.h"
#include "base/json_writer.h"
#include "base/replace_file.h"

namespace halfbyte {
namespace {

constexpr uint64_t kMostBytes = 1 << 20;
constexpr int kMostThreads = 1024;

// The members of one object, each of which must be there and of its type.
class Members {
 public:
  Members(const Json* object, std::string where) : object_(object), where_(std::move(where)) {}

  Result<std::string> text(std::string_view name) const {
    const Json* member = find(name);
    if (member == nullptr || member->text() == nullptr) return expected(name, "text");
    return *member->text();
  }
  Result<int> count(std::string_view name) const {
    HB_TRY_ASSIGN(found, number(name));
    if (found < 1 || found > kMostThreads || found != std::floor(found)) return expected(name, "a whole number from 1 to 1024");
    return static_cast<int>(found);
  }
  Result<double> rate(std::string_view name) const {
    HB_TRY_ASSIGN(found, number(name));
    if (!std::isfinite(found) || found <= 0) return expected(name, "a number above 0");
    return found;
  }
  Result<const Json::Array*> list(std::string_view name) const {
    const Json* member = find(name);
    if (member == nullptr || member->array() == nullptr) return expected(name, "a list");
    return member->array();
  }
  Members object(std::string_view name) const { return {find(name), fmt::format("{}: {}", where_, name)}; }
  bool has(std::string_view name) const { return find(name) != nullptr; }
  Error expected(std::string_view name, std::string_view what) const { return corrupt("{}: {}: expected {}", where_, name, what); }

 private:
  const Json* find(std::string_view name) const { return object_ == nullptr ? nullptr : object_->find(name); }
  Result<double> number(std::string_view name) const {
    const Json* member = find(name);
    if (member != nullptr) {
      if (const auto* real = std::get_if<double>(&member->value)) return *real;
      if (const auto* whole = std::get_if<int64_t>(&member->value)) return static_cast<double>(*whole);
      if (const auto* natural = std::get_if<uint64_t>(&member->value)) return static_cast<double>(*natural);
    }
    return expected(name, "a number");
  }

  const Json* object_;  // null: all members are missing
  std::string where_;
};

Result<MachineKey> machine_of(const Members& members) {
  HB_TRY_ASSIGN(processor, members.text("processor"));
  HB_TRY_ASSIGN(processors, members.count("processors"));
  HB_TRY_ASSIGN(isa, members.text("isa"));
  HB_TRY_ASSIGN(version, members.text("version"));
  return MachineKey{.processor = std::move(processor), .processors = processors, .isa = std::move(isa), .version = std::move(version)};
}

Result<PoolSpeed> pool_of(const Members& members) {
  HB_TRY_ASSIGN(threads, members.count("threads"));
  HB_TRY_ASSIGN(bytes, members.rate("bytes_per_second"));
  HB_TRY_ASSIGN(macs, members.rate("macs_per_second"));
  HB_TRY_ASSIGN(barrier, members.rate("barrier_seconds"));
  return PoolSpeed{.threads = threads, .bytes_per_second = bytes, .macs_per_second = macs, .barrier_seconds = barrier};
}

Result<KernelSpeed> kernel_of(const Members& members) {
  HB_TRY_ASSIGN(format, members.text("format"));
  HB_TRY_ASSIGN(tokens, members.count("tokens"));
  HB_TRY_ASSIGN(macs, members.rate("macs_per_second"));
  return KernelSpeed{.format = std::move(format), .tokens = tokens, .macs_per_second = macs};
}

std::string described(const MachineKey& machine) {
  return fmt::format("{}, {} processors, {}, halfbyte {}", escaped(machine.processor), machine.processors, escaped(machine.isa),
                     escaped(machine.version));
}

}  // namespace

std::string calibration_text(const MachineKey& machine, const Calibration& calibration) {
  JsonWriter json;
  json.begin_object().key("machine").begin_object();
  json.member("processor", machine.processor).member("processors", machine.processors);
  json.member("isa", machine.isa).member("version", machine.version).end_object();
  if (calibration.clock_hz) json.member("clock_hz", *calibration.clock_hz);
  json.key("pools").begin_array();
  for (const PoolSpeed& pool : calibration.pools) {
    json.begin_object().member("threads", pool.threads).member("bytes_per_second", pool.bytes_per_second);
    json.member("macs_per_second", pool.macs_per_second).member("barrier_seconds", pool.barrier_seconds).end_object();
  }
  json.end_array().key("kernels").begin_array();
  for (const KernelSpeed& kernel : calibration.kernels) {
    json.begin_object().member("format", kernel.format).member("tokens", kernel.tokens);
    json.member("macs_per_second", kernel.macs_per_second).end_object();
  }
  return json.end_array().end_object().take() + "\n";
}

Result<Calibration> parse_calibration(std::string_view text, std::string_view where, const MachineKey& machine) {
  HB_TRY_ASSIGN(root, parse_json(text, where));
  const Members all(&root, std::string(where));
  HB_TRY_ASSIGN(measured_on, machine_of(all.object("machine")));
  if (measured_on != machine) return not_found("{}: is of {}; this is {}", where, described(measured_on), described(machine));

  Calibration calibration;
  if (all.has("clock_hz")) HB_TRY_INTO(calibration.clock_hz, all.rate("clock_hz"));
  HB_TRY_ASSIGN(pools, all.list("pools"));
  for (const Json& item : *pools) {
    HB_TRY_ASSIGN(pool, pool_of({&item, fmt::format("{}: pools", where)}));
    const int before = calibration.pools.empty() ? 0 : calibration.pools.back().threads;
    if (pool.threads <= before || pool.threads > machine.processors)
      return corrupt("{}: pools: threads: expected {} to {}, found {}", where, before + 1, machine.processors, pool.threads);
    calibration.pools.push_back(pool);
  }
  if (calibration.pools.empty()) return corrupt("{}: pools: expected at least one, found none", where);
  HB_TRY_ASSIGN(kernels, all.list("kernels"));
  for (const Json& item : *kernels) {
    HB_TRY_ASSIGN(kernel, kernel_of({&item, fmt::format("{}: kernels", where)}));
    calibration.kernels.push_back(std::move(kernel));
  }
  return calibration;
}

Result<void> write_calibration(const std::filesystem::path& file, const MachineKey& machine, const Calibration& calibration,
                               const World& world) {
  return replace_file(file, calibration_text(machine, calibration), world);
}

Result<Calibration> read_calibration(const std::filesystem::path& file, const MachineKey& machine, const World& world) {
  HB_TRY_ASSIGN(text, read_text(file, kMostBytes, world));
  return parse_calibration(text, file.string(), machine);
}

}  // namespace halfbyte
