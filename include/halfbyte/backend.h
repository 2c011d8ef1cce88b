// One small interface over every way to run a model: our engine in process, an Ollama server, an OpenAI-style service, a
// router over others, or a class of your own. Code that uses a model takes a `Backend&` and does not care which it is.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "halfbyte/adapter_use.h"
#include "halfbyte/grammar.h"
#include "halfbyte/message.h"
#include "halfbyte/pooling.h"
#include "halfbyte/reply_rules.h"
#include "halfbyte/result.h"
#include "halfbyte/sampling.h"

namespace halfbyte {

// Who answers: the kind of backend, the model, and whatever else tells two of them apart.
struct BackendInfo {
  std::string name;      // not empty
  std::string model_id;  // not empty
  std::map<std::string, std::string> extra;
  bool operator==(const BackendInfo&) const = default;
};

// What a chat does where its conversation does not fit the context.
enum class Overflow {
  kError,
  // The oldest turns go, as few as leave a quarter of the context for the reply: a question with all that answered it, calls and their
  // results too. System messages and the last question stay. Metadata: "dropped_turns", how many messages went.
  kDropTurns,
};

struct CompletionOptions {
  int max_new_tokens = 128;  // at least 1
  // What is absent is left to the backend: our engine has the defaults of kSamplingFields, a service its own. kUnsupported: the backend
  // cannot take a field that is given and not neutral. Same seed, same bytes, where the backend keeps that promise.
  SamplingOptions sampling;
  std::vector<std::string> stop;  // the text ends before the first of these
  // The text is one of this grammar's; what a model thinks apart from it is free. Ours takes every kind, Ollama and OpenAI-style services
  // JSON and JSON Schemas; kUnsupported else, and for what of a schema is not done.
  std::optional<GrammarSource> grammar;
  // Those of kReplyFields, by which each kind says what it takes; kUnsupported names one that it does not.
  int choices = 1;                       // replies to the prompt, 1 to 8; a stream's pieces are those of the first
  std::optional<int> best_of;            // so many are made, `choices` to 20, and the likeliest told when all have ended
  int min_tokens = 0;                    // no end token before so many of the reply
  bool ignore_eos = false;               // end tokens do not end the reply
  std::optional<int> keep_tokens;        // a full context lets tokens behind the first so many go; absent: that is an error or an end
  std::optional<int> logprobs;           // the result has the reply's tokens, each with so many of the likeliest, 0 to 20
  std::optional<int> prompt_logprobs;    // the result has the prompt's likewise
  std::optional<int> thinking_budget;    // most tokens that a model thinks before it answers
  double timeout_ms = 0;                 // the reply ends with what has come by then; 0: no limit
  int priority = 0;                      // the greater starts first
  std::string principal;                 // who asks; shares no cache with others. On the wire cache_salt
  Overflow overflow = Overflow::kError;  // of chats
  // Beside the lists, as the engine's Request explains them; services take stop_tokens at most.
  std::string forced_prefix;  // the reply begins with this text, as if the model had said it
  std::vector<Token> stop_tokens;
  std::vector<AdapterUse> adapters;  // of those that the backend was opened with
  std::optional<BeamSearch> beam_search;
  std::optional<RepetitionDetection> repetition_detection;
  std::optional<bool> thinking;  // whether a model that can think before it answers does; absent: as the backend or its template has it
  // Asked to stop, from any thread, a request ends early: a stream with what came until then, complete() and chat() with kIo.
  // Services end at once, also while they wait for an answer; other kinds where their sink would be asked.
  std::stop_token cancel = {};
};

// Facts about one request beyond the common fields: "server_total_duration_ms", "template", ... Values are printed as they are.
using Facts = std::map<std::string, std::string>;

// A token of a reply, and the natural logarithm of its probability as the model has it, whatever the sampling options were.
struct ScoredToken {
  std::string text;       // its bytes, which may be a part of a character
  std::optional<int> id;  // services tell none
  double log_probability = 0;
  std::vector<ScoredToken> likeliest;  // at its place, in order
  bool operator==(const ScoredToken&) const = default;
};

// One of several replies to a prompt.
struct ReplyChoice {
  std::string text;
  std::optional<std::string> thinking;
  std::vector<ToolCall> tool_calls;
  std::string finish_reason;  // as in `metadata`
  std::vector<ScoredToken> tokens;
  bool operator==(const ReplyChoice&) const = default;
};

// One completion. It never contains the prompt; counts are absent where the backend does not tell them.
struct InferenceResult {
  std::string prompt, completion;
  std::optional<int> prompt_tokens, completion_tokens;
  double latency_ms = 0;  // wall time as we measured it around the call; a server's own times are in `metadata`
  BackendInfo backend;
  Facts metadata;
  std::vector<ScoredToken> tokens;           // with CompletionOptions::logprobs
  std::vector<ScoredToken> prompt_logprobs;  // with that: the prompt's tokens from the second on
  std::vector<ReplyChoice> choices;          // where several were asked for: all of them, the first as it stands above

  std::optional<double> tokens_per_second() const;  // absent: no tokens or no time
};

struct ChatResult {
  std::vector<Message> messages;  // the conversation that was answered
  std::string content;
  std::vector<ToolCall> tool_calls;
  std::optional<std::string> thinking;  // reasoning that the model keeps apart from its answer
  std::optional<int> prompt_tokens, completion_tokens;
  double latency_ms = 0;
  BackendInfo backend;
  Facts metadata;
  std::vector<ScoredToken> tokens, prompt_logprobs;
  std::vector<ReplyChoice> choices;

  std::optional<double> tokens_per_second() const;
};

// Gets pieces of text in order, on the calling thread. False: stop here; what came until then is the result.
using TextSink = std::function<bool(std::string_view)>;

// Write info() and complete(); the rest follows from them and is overridden where there is something better underneath.
// Errors: kInvalid names the argument (empty prompt, max_new_tokens < 1, ...); kNotFound, kIo and kBusy say who did not answer.
// Thread-safe where a kind says so; backends hold no global state, so two with different models live side by side.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual BackendInfo info() const = 0;
  virtual Result<InferenceResult> complete(const std::string& prompt, const CompletionOptions& options = {}) = 0;

  // complete() in pieces. Here: one piece, when all of it is there.
  virtual Result<InferenceResult> stream(const std::string& prompt, const CompletionOptions& options, const TextSink& sink);

  virtual bool supports_tools() const { return false; }
  // The next turn of a conversation. kUnsupported: tools are given and supports_tools() is false.
  // Here: the conversation goes to complete() as a plain transcript, and the reply ends where the next turn would begin.
  virtual Result<ChatResult> chat(std::span<const Message> messages, std::span<const Tool> tools = {},
                                  const CompletionOptions& options = {.max_new_tokens = 512});
  // chat() without tools, its content in pieces. Here: one piece.
  virtual Result<ChatResult> stream_chat(std::span<const Message> messages, const CompletionOptions& options, const TextSink& sink);

  // A vector for each text, near each other where they mean the same. `pooling` absent: the backend's own way. kUnsupported: it embeds
  // nothing, as here, or not so.
  virtual Result<std::vector<std::vector<float>>> embed(std::span<const std::string> texts, std::optional<Pooling> pooling = {},
                                                        const std::vector<AdapterUse>& adapters = {});
};

}  // namespace halfbyte
