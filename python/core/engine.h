// EngineBackend and its streams as Python holds them.
#pragma once

#include <nanobind/nanobind.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backends/engine_backend.h"
#include "python/core/interpreter.h"

namespace halfbyte::python {

using Dict = nanobind::typed<nanobind::dict, nanobind::str, nanobind::any>;

// Adapters that are asked for, as _adapters.py has them: (name, scale).
using NamedScales = std::vector<std::pair<std::string, float>>;
std::vector<AdapterUse> adapters_of(const NamedScales& asked);

// A reply under way. Stream: CompletionStream or ChatStream.
template <class Stream>
class HeldStream final : public Held {
 public:
  HeldStream(std::shared_ptr<EngineBackend> engine, std::unique_ptr<Stream> stream);
  ~HeldStream() override;

  // The next piece of text; None: it has ended. Waits without the GIL, and Ctrl-C ends the reply.
  std::optional<nanobind::str> next();
  // Reads what is left, and tells the whole.
  Dict result();
  void cancel();
  void close() override;

 private:
  class Reading;
  std::shared_ptr<Stream> checked() const;
  StreamStep step(const std::shared_ptr<Stream>& stream);

  std::shared_ptr<EngineBackend> engine_;  // whose closing closes this
  std::shared_ptr<Stream> stream_;         // a reader has a copy while it waits; null: closed
  bool is_reading_ = false;
};

class HeldEngine final : public Held {
 public:
  HeldEngine(const std::string& model, EngineBackendOptions options);
  ~HeldEngine() override;

  Dict info() const;
  std::unique_ptr<HeldStream<CompletionStream>> start(const std::string& prompt, const CompletionOptions& options);
  std::unique_ptr<HeldStream<ChatStream>> start_chat(const std::vector<Message>& messages, const std::vector<Tool>& tools,
                                                     const CompletionOptions& options);
  bool supports_tools() const;
  // Of each token of the continuation. Ctrl-C waits for it.
  // And the warning that a reply would have.
  std::pair<std::vector<double>, std::string> log_likelihood(const std::string& prompt, const std::string& continuation) const;
  std::vector<std::vector<double>> embed(const std::vector<std::string>& texts, const std::string& pooling,
                                         const NamedScales& adapters) const;
  Dict stats() const;   // by the names of EngineStats; histograms are {counts, sum_s}
  Dict memory() const;  // bytes
  // Ends what it still answers, and gives the memory back.
  void close() override;

 private:
  std::shared_ptr<EngineBackend> checked() const;

  std::shared_ptr<EngineBackend> engine_;  // a call has a copy while it runs; null: closed
};

}  // namespace halfbyte::python
