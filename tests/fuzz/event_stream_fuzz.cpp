// A streamed answer of a service, and where it is cut: the first byte says the dialect, the second how often, then come the lengths
// of the pieces and the bytes. What is made of the bytes must not depend on the cuts, and every text of it must be UTF-8.
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "backends/ollama_reply.h"
#include "backends/openai_reply.h"

namespace {

using namespace halfbyte;

void require(bool holds) {
  if (!holds) std::abort();
}

constexpr AskedBeside kAsked{.choices = 2, .tokens = true};

std::unique_ptr<Reply> reply_of(uint8_t dialect) {
  switch (dialect % 4) {
    case 0: return std::make_unique<OllamaReply>(OllamaReply::Route::kGenerate, kAsked);
    case 1: return std::make_unique<OllamaReply>(OllamaReply::Route::kChat, kAsked);
    case 2: return std::make_unique<OpenAIReply>(OpenAIReply::Route::kCompletions, kAsked);
    default: return std::make_unique<OpenAIReply>(OpenAIReply::Route::kChat, kAsked);
  }
}

struct Outcome {
  std::vector<std::string> pieces;
  std::string error;
  std::string content, thinking, refusal, finish_reason;
  std::vector<ToolCall> tool_calls;
  std::vector<ScoredToken> tokens;
  std::vector<ReplyChoice> choices;
  std::optional<int> prompt_tokens, completion_tokens;
  Facts facts;
  bool operator==(const Outcome&) const = default;
};

// `cuts` are lengths of pieces, taken in turn; none: all in one.
Outcome outcome_of(uint8_t dialect, std::string_view bytes, std::string_view cuts) {
  const auto reply = reply_of(dialect);
  Outcome outcome;
  const TextSink sink = [&](std::string_view piece) { return outcome.pieces.emplace_back(piece), true; };
  Result<bool> more = true;
  for (size_t turn = 0; more && *more && !bytes.empty(); ++turn) {
    const size_t length = cuts.empty() ? bytes.size() : 1 + static_cast<unsigned char>(cuts[turn % cuts.size()]);
    more = reply->feed(bytes.substr(0, length), sink);
    bytes.remove_prefix(std::min(length, bytes.size()));
  }
  if (!more) {
    outcome.error = more.error().message;
  } else if (*more) {
    if (const auto end = reply->end(sink); !end) outcome.error = end.error().message;
  }
  require(!more || !outcome.error.empty() || reply->is_done());
  outcome.content = reply->content.text();
  outcome.thinking = reply->thinking.text();
  outcome.refusal = reply->refusal.text();
  outcome.finish_reason = reply->finish_reason;
  outcome.tool_calls = reply->tool_calls;
  outcome.tokens = reply->tokens;
  outcome.choices = reply->choices();
  outcome.prompt_tokens = reply->prompt_tokens;
  outcome.completion_tokens = reply->completion_tokens;
  outcome.facts = reply->facts();
  return outcome;
}

void require_utf8(const std::string& text) { require(whole(std::string_view(text)) == text); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view cuts = input.substr(2, data[1] % 8u);
  const std::string_view bytes = input.substr(2 + cuts.size());
  const Outcome all = outcome_of(data[0], bytes, "");
  require(outcome_of(data[0], bytes, cuts) == all);
  require(outcome_of(data[0], bytes, std::string_view("\0", 1)) == all);

  std::string joined;
  for (const std::string& piece : all.pieces) {
    require(!piece.empty());
    require_utf8(piece);
    joined += piece;
  }
  require(joined == all.content);
  for (const std::string& text : {all.error, all.thinking, all.refusal, all.finish_reason}) require_utf8(text);
  for (const auto& [key, fact] : all.facts) require_utf8(fact);
  for (const ToolCall& call : all.tool_calls) {
    for (const std::string& text : {call.name, call.arguments, call.call_id}) require_utf8(text);
    const auto arguments = parse_json(call.arguments, "arguments");
    require(arguments && arguments->object() != nullptr);
  }
  const auto whole_answer = reply_of(data[0]);
  if (const auto read = whole_answer->take_whole(bytes); !read) require(!read.error().message.empty());
  return 0;
}
