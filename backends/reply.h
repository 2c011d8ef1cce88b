// What a service says in answer to one request, out of the bytes of its answer: whole, or as they come. No socket, no clock; each
// dialect adds how it is read (ollama_reply, openai_reply). The result does not depend on where bytes are cut.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/answer.h"
#include "backends/answer_text.h"
#include "halfbyte/backend.h"
#include "http/lines.h"

namespace halfbyte {

// What was asked for beside a text. What was not is not read.
struct AskedBeside {
  int choices = 1;
  bool tokens = false;

  static AskedBeside of(const CompletionOptions& options) { return {options.choices, options.logprobs.has_value()}; }
};

class Reply {
 public:
  virtual ~Reply() = default;
  explicit Reply(const AskedBeside& asked) : asks_tokens_(asked.tokens) {}
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  // kCorrupt names the field that makes no sense. kIo: the service's own word for a failure.
  Result<void> take_whole(std::string_view body);

  // Bytes of a streamed answer; `sink` gets the content as it comes. False: no more is wanted. After an error or false, stop.
  Result<bool> feed(std::string_view bytes, const TextSink& sink);
  // No more bytes come. kIo: the stream ended before the reply was done.
  Result<void> end(const TextSink& sink);

  bool is_done() const { return is_done_; }  // the service has said so

  // What was said so far.
  WholeText content, thinking, refusal;
  std::vector<ToolCall> tool_calls;
  std::vector<ScoredToken> tokens;
  std::optional<int> prompt_tokens, completion_tokens;
  std::string finish_reason;
  virtual Facts facts() const;  // for a result's metadata
  // Where several replies were asked for: all that came, this one first.
  virtual std::vector<ReplyChoice> choices() const { return {}; }
  ReplyChoice choice() const;  // what this one says

 protected:
  // What a whole answer or one part of a stream says: its content.
  virtual Result<std::string> take(const Json& answer, bool is_whole) = 0;
  // A line of a stream. `is_cut`: the stream ended before the line did.
  virtual Result<bool> take_line(std::string_view line, bool is_cut, const TextSink& sink) = 0;
  virtual Result<void> finish(const TextSink& sink) = 0;

  std::string say(const Turn& turn);  // the content that may be shown now
  void give(std::string_view piece, const TextSink& sink);
  void finish_texts(const TextSink& sink);  // gives what was held back
  bool wants_more() const { return !is_done_ && !is_stopped_; }
  Result<void> read_counts(const Json& counts, std::string_view prompt_key, std::string_view completion_key, std::string_view path);

  // Lines of an answer that has none of the frames that were asked for: one JSON text, a web page.
  Result<void> add_unframed(std::string_view line);
  bool has_unframed() const { return has_unframed_; }
  Result<void> take_unframed(const TextSink& sink);

  bool is_done_ = false;
  const bool asks_tokens_;

 private:
  LineReader lines_;
  std::string unframed_;
  bool has_unframed_ = false, is_stopped_ = false;
};

// What was said, as a backend's result; `facts` become its metadata.
InferenceResult inference_result(const Reply& reply, const std::string& prompt, const BackendInfo& backend, double latency_ms, Facts facts);
ChatResult chat_result(const Reply& reply, std::span<const Message> messages, const BackendInfo& backend, double latency_ms, Facts facts);

}  // namespace halfbyte
