// Our engine in process, as a Backend.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "halfbyte/backend.h"
#include "halfbyte/engine.h"

namespace halfbyte {

struct EngineBackendOptions {
  std::string name = "engine";  // BackendInfo::name
  // complete() and stream(): true makes the prompt a user's turn in the model's chat template; else it is continued as it stands.
  bool use_template = false;
  std::optional<bool> enable_thinking;  // for templates that ask; absent: as the template has it
  // In a chat and with use_template: text that spells a control token ("<|im_end|>") is that token, as in transformers. Off, it is
  // what a user typed, and no one ends a turn by typing. A prompt that is continued as it stands always has its tokens.
  bool parse_special = false;
  std::string model_id;                      // BackendInfo::model_id; empty: the model's name as it was found
  std::map<std::string, std::string> extra;  // joins BackendInfo::extra
  EngineOptions engine;
};

// What a stream gives its reader at each step.
struct StreamStep {
  enum class Kind { kText, kThinking, kFinished, kNothingYet } kind;
  std::string text;  // with kText and kThinking: whole characters, not empty
};

// A completion under way, pulled by its reader. One reader; cancel() from any thread. It keeps the engine alive, and destroying it
// cancels what still runs. The engine runs ahead of the reader by some pieces and then waits for it.
class CompletionStream {
 public:
  ~CompletionStream();
  // Waits for at most `timeout`, or without one until there is something. After kFinished it is kFinished for ever.
  StreamStep next(std::optional<std::chrono::milliseconds> timeout = {});
  void cancel();  // no text comes after this, only kFinished
  // Reads what is left, and tells the whole. metadata: "finish_reason" (end, stop, length, cancelled), "prompt_ms",
  // "generation_ms", "cached_tokens" (of the prompt, where they were known from before), "sampling" (JSON), "template" (none, model's), "warning" where there is one (Event::warning).
  Result<InferenceResult> result();

 private:
  friend class EngineBackend;
  struct Impl;
  explicit CompletionStream(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The same for a turn of a chat: content and thinking come apart, tool calls only with the result. The format is known by the model's
// template (text/reply_parser.h); what cannot be read as a call is content. Of a model without a template the conversation is a
// plain transcript, and metadata says so: "chat_format": "transcript".
class ChatStream {
 public:
  ~ChatStream();
  StreamStep next(std::optional<std::chrono::milliseconds> timeout = {});
  void cancel();
  Result<ChatResult> result();

 private:
  friend class EngineBackend;
  struct Impl;
  explicit ChatStream(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Thread-safe: many threads may use one at the same time, and their requests share the engine's steps.
// What is not given is as it came with the model in an Ollama store (sampling, stop texts, context, system text; the longest reply is always
// given), else has the defaults of kSamplingFields, as in `halfbyte run`. Without a seed it is 0: the same call gives the same bytes; give seeds to get different ones.
// Errors: kInvalid names the argument; kTooLong: the prompt does not fit the context; kBusy: too many requests are unfinished.
class EngineBackend final : public Backend {
 public:
  // `model`: the path of a GGUF file or of a checkpoint directory, or a name as find_model() takes it. kUnsupported:
  // use_template, and the model has none.
  static Result<std::unique_ptr<EngineBackend>> open(const std::string& model, const EngineBackendOptions& options = {});
  ~EngineBackend() override;  // streams that are still held go on

  BackendInfo info() const override;
  Result<InferenceResult> complete(const std::string& prompt, const CompletionOptions& options = {}) override;
  Result<InferenceResult> stream(const std::string& prompt, const CompletionOptions& options, const TextSink& sink) override;
  bool supports_tools() const override;  // the model's template mentions them, or it has one for them
  Result<ChatResult> chat(std::span<const Message> messages, std::span<const Tool> tools = {},
                          const CompletionOptions& options = {.max_new_tokens = 512}) override;
  Result<ChatResult> stream_chat(std::span<const Message> messages, const CompletionOptions& options, const TextSink& sink) override;
  Result<std::vector<std::vector<float>>> embed(std::span<const std::string> texts, std::optional<Pooling> pooling = {},
                                                const std::vector<AdapterUse>& adapters = {}) override;

  // Natural logarithms of the probabilities of the continuation's tokens after the prompt, which is taken as it stands. As
  // lm-evaluation-harness has it: both are encoded together, and the continuation's tokens are those behind as many as the prompt
  // has alone; white space at the prompt's end counts as the continuation's. Where that leaves none it is encoded alone.
  Result<Engine::LogProbabilities> log_likelihood(const std::string& prompt, const std::string& continuation);

  EngineStats stats() const;  // what the engine has done so far
  const EngineMemory& memory() const;

  // What the calls above are made of.
  Result<std::unique_ptr<CompletionStream>> start(const std::string& prompt, const CompletionOptions& options = {});
  Result<std::unique_ptr<ChatStream>> start_chat(std::span<const Message> messages, std::span<const Tool> tools = {},
                                                 const CompletionOptions& options = {.max_new_tokens = 512});

 private:
  struct Loaded;
  explicit EngineBackend(std::shared_ptr<Loaded> loaded);
  std::shared_ptr<Loaded> loaded_;
};

}  // namespace halfbyte
