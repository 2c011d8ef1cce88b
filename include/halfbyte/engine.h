// The engine in process: a loaded model that answers many requests at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "halfbyte/activation_mode.h"
#include "halfbyte/adapter_use.h"
#include "halfbyte/engine_stats.h"
#include "halfbyte/grammar.h"
#include "halfbyte/kv_types.h"
#include "halfbyte/pooling.h"
#include "halfbyte/reply_rules.h"
#include "halfbyte/result.h"
#include "halfbyte/sampling.h"
#include "halfbyte/token.h"

namespace halfbyte {

class ConversationFormat;
class Trace;
class World;

// A low-rank adapter (LoRA) for the model: a GGUF file, or a directory as PEFT writes it. Requests ask for it by its name.
struct AdapterFile {
  std::string name;
  std::filesystem::path path;
};

struct EngineOptions {
  int context_tokens = 0;  // longest sequence; 0: the model's own, at most 4096
  // What all sequences' keys and values share: so many bytes, or positions. Without either room for 8 of the longest sequences, as far as
  // memory_utilization of what the machine and the control group have left allows. Taken as it is used; where it runs out a sequence waits.
  uint64_t kv_memory_bytes = 0;
  int cache_tokens = 0;
  float memory_utilization = 0.9F;
  int threads = 0;         // 0: one per processor this process may use, within its control group's quota
  int chunk_tokens = 512;  // most tokens in one step; less memory when small, slower prompts
  KvTypes kv_types;        // of the cache; kInvalid names one that is not known
  ActivationMode activations = ActivationMode::kInt8;
  // Longest time between two tokens of a reply while prompts of others are read beside it; 0: 100 ms, or four times a step without them.
  double latency_target_ms = 0;
  std::filesystem::path draft_model;  // a smaller model of the same vocabulary, which guesses too; empty: none
  bool speculates = true;             // checks guesses of the next tokens where that pays; no reply depends on it
  bool prefix_cache = true;           // a request that begins like an earlier one of its principal computes only what is new; the same bits
  // Where pages of the prefix cache survive this process, at most so many bytes of them. Anybody who can read it can read what was asked;
  // each model has its own files. Empty: nowhere.
  std::filesystem::path prefix_cache_folder;
  uint64_t prefix_cache_bytes = uint64_t{8} << 30;
  std::vector<AdapterFile> adapters;  // in memory from the beginning, as float32
  Trace* trace = nullptr;             // what every thread does when (base/trace.h); outlives the engine, and is whole once that is gone
  int queue = 64;                     // most requests that are unfinished
  std::string isa;  // a name that `halfbyte isa` lists; empty: HALFBYTE_ISA of the environment, else the best that runs here
};

struct Request {
  std::vector<Token> prompt;         // at least one token
  std::vector<Token> forced_prefix;  // the reply begins with these, as if the model had chosen them: they are computed with the prompt
  int max_tokens = -1;               // new tokens; -1: until the context is full; 0, with prompt_logprobs: none
  int choices = 1;                   // replies to the prompt, 1 to 8, with the seed and those after it
  // So many replies are made, `choices` to 20, and of them the `choices` likeliest are told, by log-probability per token, the likeliest first,
  // each in one event at the end. Absent, or no more than choices: all are told as they come.
  std::optional<int> best_of;
  // The choices are the best replies found, the best first, each in one event at the end. Nothing is drawn: of `sampling` temperature and
  // seed mean nothing, and other options are refused, as is what forces or ends a reply otherwise than stop, max_tokens and min_tokens.
  std::optional<BeamSearch> beam_search;
  std::vector<AdapterUse> adapters;  // of EngineOptions::adapters, at most 4: their changes add up, in this order
  SamplingOptions sampling;
  std::vector<std::string> stop;   // the text ends before the first of these
  std::vector<Token> stop_tokens;  // the reply ends with the first of these, which is counted and not shown
  bool ignore_eos = false;         // end-of-generation tokens are ordinary
  // What does not fit the context is an error, and a full context ends the reply. With keep_tokens the first so many tokens stay and of the
  // rest the latest: of a long prompt what leaves a quarter of the context, of a full context half. Usage::dropped_tokens says how many went.
  std::optional<int> keep_tokens;
  int min_tokens = 0;                       // no end token, or one of stop_tokens, before so many new ones
  std::optional<int> logprobs;              // Event::tokens tells each token, with so many of the likeliest beside it, 0 to 20
  std::optional<int> prompt_logprobs;       // Event::prompt_tokens tells the prompt's, likewise; not with keep_tokens
  std::optional<GrammarSource> grammar;     // the reply is a text of it; when that is whole and nothing may follow, the reply ends
  std::optional<ThinkingMarkers> thinking;  // what the model thinks first is free of `grammar`, and bounded by
  std::optional<int> thinking_budget;  // so many tokens, markers not counted; then the closing marker is put there, and the answer follows
  std::optional<RepetitionDetection> repetition_detection;  // ends a reply that goes in circles; absent: none, as tables and code may do so
  bool shows_control_tokens = false;  // the text of control tokens is part of the reply, as markers of tool calls may be
  double timeout_ms = 0;              // since submit(); then the reply ends with kTimeout and what came until then. 0: none
  int priority = 0;                   // the greater starts first, and takes memory from the lesser
  std::string principal;              // who asks: of one priority, who was served least starts first; shares no cache with others
};

enum class FinishReason { kEnd, kStop, kLength, kRepetition, kTimeout, kCancelled, kFailed };

struct Usage {
  int prompt_tokens = 0;
  int dropped_tokens = 0;     // that Request::keep_tokens let go
  int cached_tokens = 0;      // of the prompt: found in the cache, not computed
  int completion_tokens = 0;  // an end token is counted, its text is not shown
  int drafted_tokens = 0;     // guesses that were checked,
  int accepted_tokens = 0;    // of those: right, so that they needed no step of their own
  double queued_ms = 0;       // from submit() to the first step
  double prompt_ms = 0;       // from there to the first token's logits
  double generation_ms = 0;   // after that
  double inter_token_ms = 0;  // the longest time between a token and the next
};

// Bytes of memory, a draft model's among them. Weights and work space are taken when the engine opens, the cache's as it is used.
struct EngineMemory {
  uint64_t weights = 0, workspace = 0;  // weights: the adapters' too
  uint64_t cache = 0;                   // at most
  int cache_tokens = 0;                 // positions in it, of all sequences
  uint64_t total() const { return weights + workspace + cache; }
};

// A token of a prompt or reply, and the natural logarithm of its probability as the model has it: no sampling option changes it.
struct TokenProbability {
  Token token = 0;
  double log_probability = 0;
};
struct ReplyToken {
  TokenProbability chosen;                  // or of the prompt
  std::vector<TokenProbability> likeliest;  // in order
};

// What a sink sees of each choice: pieces of text in order, then exactly one event with `finished`.
struct Event {
  int choice = 0;                  // of Request::choices, from 0
  std::string text;                // whole characters; may be empty
  std::vector<ReplyToken> tokens;  // with Request::logprobs: those since the last event, an end token left out
  // With Request::prompt_logprobs, in the first event of choice 0: the prompt's tokens from the second on; nothing leads to the first.
  std::vector<ReplyToken> prompt_tokens;
  std::optional<FinishReason> finished;
  Usage usage;                 // with finished
  std::optional<Error> error;  // with kFailed
  // With finished, and logprobs, best_of or beam_search: the sum of the log-probabilities of all tokens of the reply, an end token's too.
  std::optional<double> cumulative_logprob;
  // With finished: what the reader should know, once it has happened in this engine: keys or values were too great for kv_types and
  // cut off. Names the limit and the types that keep them. Else empty.
  std::string warning;
};

enum class SinkAnswer { kMore, kPause, kStop };
using TokenSink = std::function<SinkAnswer(const Event&)>;
using RequestId = uint64_t;

// A conversation as a file keeps it.
struct Session {
  std::vector<Token> tokens;  // what its next request will begin with
  std::string note;           // of whoever saved it: any bytes, messages say
};

// Thread-safe. Opening is expensive; keep one per model. Move-only.
class Engine {
 public:
  // Reads the weights, and adapters, into this processor's layout. kCorrupt or kUnsupported name the file and the tensor, or `isa`; kInvalid an option;
  // kIo: there is not the memory for the weights, said before they are read; kTooLong: nor for one sequence beside them.
  static Result<Engine> open(const std::filesystem::path& model, const EngineOptions& options = {});
  // The same with the files, the memory and the clock of `world` (base/world.h), which must outlive the engine: for tests.
  static Result<Engine> open(const std::filesystem::path& model, const EngineOptions& options, const World& world);
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;
  ~Engine();  // cancels what still runs; every sink has had its last event when this returns

  // Queues a request. `sink` gets events in order, on the engine's thread; it must not block. kPause: no further event until
  // resume(). kBusy: queue full; kTooLong: the prompt does not fit the context; kInvalid names the field;
  // kIo: out of memory. On error nothing was queued.
  Result<RequestId> submit(Request request, TokenSink sink);
  void resume(RequestId id);
  void cancel(RequestId id);  // safe at any time, also after the end
  // submit() and wait: the calling thread blocks until the last event, whose usage and reason are returned with the whole text.
  struct Reply {
    std::string text;
    FinishReason reason = FinishReason::kEnd;
    Usage usage;
    std::optional<double> cumulative_logprob;  // this and the warning as the last event has it
    std::string warning;
  };
  Result<Reply> complete(Request request, const TokenSink& sink = {});                   // kInvalid: more than one choice
  Result<std::vector<Reply>> complete_all(Request request, const TokenSink& sink = {});  // a reply for each choice

  // Natural logarithms of the probabilities of the continuation's tokens, each after all before it, as the model has them: no
  // sampling option changes them. Blocks; takes its turns among the requests. Both need a token; the errors are submit()'s.
  struct LogProbabilities {
    std::vector<double> values;
    std::string warning;  // as the last event has it
  };
  Result<LogProbabilities> log_probabilities(std::vector<Token> prompt, const std::vector<Token>& continuation,
                                             std::vector<AdapterUse> adapters = {});

  // The states behind the model's last norm after each token, pooled; of length 1. Blocks and takes its turns among the requests; the errors are
  // submit()'s.
  Result<std::vector<float>> embed(std::vector<Token> tokens, Pooling pooling, std::vector<AdapterUse> adapters = {});

  // Writes a session to a file, with what the cache has of its tokens for `principal` and these adapters: then load_session() spares computing them, after a
  // restart too. Both return how many tokens that is: 0 without a prefix cache. Both block and take their turns among the requests. kIo names
  // the file; what was there stays until the new one is whole.
  Result<int> save_session(const std::filesystem::path& path, const Session& session, const std::string& principal = {},
                           const std::vector<AdapterUse>& adapters = {});
  // Tokens and note are there in any case; what was computed is used by the same model with the same settings and adapters alone, and as far as the cache has
  // room. kCorrupt: it is no session, is not as it was written, or has tokens that are not this model's.
  Result<int> load_session(const std::filesystem::path& path, Session& session, const std::string& principal = {},
                           const std::vector<AdapterUse>& adapters = {});

  // What has been done so far; safe at any time. What a sink has seen is in it.
  EngineStats stats() const;

  const EngineMemory& memory() const;
  int context_tokens() const;
  int vocabulary() const;  // token ids are below it
  int threads() const;
  std::vector<Token> encode(const std::string& text, bool add_special, bool parse_special = true) const;
  // Its bytes, a control token's as it is spelled; no whole characters where a character is several tokens.
  std::string token_text(Token token) const;
  bool adds_bos() const;
  // How messages become its prompts, and replies their parts (text/conversation.h). Lives as long as the engine.
  const ConversationFormat& conversation() const;
  // What is odd in the model's files and harmless, and what they ask for that is not done; a line each.
  const std::vector<std::string>& warnings() const;

 private:
  struct Impl;
  explicit Engine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace halfbyte
