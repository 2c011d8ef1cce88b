#include "cli/trace_file.h"

#include "base/trace.h"

namespace halfbyte {

void declare_trace(Arguments& args, std::string& file) {
  args.text("--trace", file, "write what every thread did when into this file, for chrome://tracing or ui.perfetto.dev");
}

Result<int> with_trace(const std::string& file, EngineOptions& options, const std::function<Result<int>()>& act) {
  if (file.empty()) return act();
  HB_TRY_ASSIGN(trace, Trace::create(file));
  options.trace = trace.get();
  HB_TRY_ASSIGN(status, act());
  HB_TRY(trace->finish());
  return status;
}

}  // namespace halfbyte
