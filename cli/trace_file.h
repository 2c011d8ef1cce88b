// --trace FILE of the commands that have an engine.
#pragma once

#include <functional>
#include <string>

#include "cli/command_line.h"
#include "halfbyte/engine.h"

namespace halfbyte {

void declare_trace(Arguments& args, std::string& file);

// `act` with a trace of the engine that it opens with these options and closes; the file is there afterwards. No file: only `act`.
Result<int> with_trace(const std::string& file, EngineOptions& options, const std::function<Result<int>()>& act);

}  // namespace halfbyte
