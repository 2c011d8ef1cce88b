// A timeline of what threads do, as Chrome's trace viewers read it (chrome://tracing, ui.perfetto.dev): JSON trace events in a file.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_writer.h"
#include "base/world.h"

namespace halfbyte {

// Memory stays bounded by what threads do between two calls of flush(), the file by kMostBytes. A file that cannot be written fails
// finish() and nothing else. Not thread-safe, but for mark().
class Trace {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr uint64_t kMostBytes = uint64_t{512} << 20;  // viewers load no more; what comes later is left out

  // The file appears with finish(). Requires: `world`, whose clock is read, outlives the trace.
  static Result<std::unique_ptr<Trace>> create(const std::filesystem::path& path, const World& world = this_machine());

  // Names the threads 0 .. count - 1. Requires: before the first mark, no thread marks meanwhile.
  void set_threads(int count);
  // What the thread does from now on; empty: nothing. Each thread may say so of itself at any time between two calls of flush().
  // Requires: `activity` lives until then.
  void mark(int thread, std::string_view activity);
  void flush();

  // What thread 0 did besides; `args` is a JSON object.
  void span(std::string_view name, Time begin, Time end, std::string_view args);
  // A row of its own for what no thread does alone, equal ids in one.
  void row_span(std::string_view kind, uint64_t id, std::string_view name, Time begin, Time end);
  // Values that change; `values` is a JSON object of numbers.
  void values(std::string_view name, Time at, std::string_view values);

  Time now() const { return world_.now(); }
  // Writes what is left and publishes the file. The last call.
  Result<void> finish();

 private:
  struct Mark {
    Time at;
    std::string_view activity;
  };
  struct alignas(64) Thread {  // a cache line of its own
    std::vector<Mark> marks;
  };

  Trace(std::unique_ptr<NewFile> file, const World& world);
  JsonWriter& begin_event(std::string_view phase, std::string_view name, Time at);
  void end_event();
  void write(std::string_view text);
  std::string micros(Time::duration duration) const;

  std::unique_ptr<NewFile> file_;
  const World& world_;
  Time start_;
  std::vector<Thread> threads_;
  JsonWriter json_;
  std::string text_;  // not yet written
  uint64_t written_ = 0;
  std::optional<Error> failure_;
};

}  // namespace halfbyte
