// What a chat model writes, told apart: thinking, content, tool calls.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "halfbyte/grammar.h"
#include "halfbyte/message.h"
#include "text/tool_calls.h"

namespace halfbyte {

// Text goes in as it is generated; what is certain comes out at once, and no part of a marker is taken for content.
// Content is given as it was written, except white space around thinking and calls. What looks like a call and cannot be
// read is content: nothing is lost.
class ReplyParser {
 public:
  // The format is known by the model's template. Without tools nothing is taken for a call. `prompt`: the text the model
  // continues; some templates open the thinking there.
  ReplyParser(std::string_view chat_template, std::span<const Tool> tools, std::string_view prompt = {});

  struct Delta {
    std::string content, thinking;
  };
  Delta push(std::string_view text);
  Delta finish();  // the reply ended: what was held back
  // Those without an id of their own get "call00001" and so on: nine letters and digits, as Mistral's templates demand.
  const std::vector<ToolCall>& tool_calls() const { return calls_; }
  void number_calls_from(size_t first) { next_number_ = first; }
  void drop_space() { drops_space_ = true; }  // white space that comes next is not content

  // How such a model marks what it thinks before its answer; none: it does not think, or the prompt has ended that.
  static std::optional<ThinkingMarkers> thinking_markers(std::string_view chat_template, std::string_view prompt);
  // Whether such a model may write markers that are control tokens.
  static bool expects_markers(std::string_view chat_template, std::span<const Tool> tools);

 private:
  struct ThinkTags {
    std::string_view open, close;
  };
  static constexpr ThinkTags kThinkTags[] = {
      {"<think>", "</think>"},
      {"[THINK]", "[/THINK]"},
  };
  enum class Mode { kStart, kThinking, kBareCall, kContent, kCall };

  bool advance(Delta& out, bool is_last);  // false: more text is needed
  bool begin(bool is_last);
  bool think(Delta& out, bool is_last);
  bool say(Delta& out, bool is_last);
  bool read_call(Delta& out, bool is_last);
  bool read_bare(bool is_last);
  bool add(const ToolCalls& calls);
  void restart();

  std::vector<Tool> tools_;
  std::vector<const ToolCallSyntax*> syntaxes_;  // none without tools
  Mode mode_ = Mode::kStart;
  bool drops_space_ = false;                // white space at the beginning of held_ belongs to nothing
  const ThinkTags* tags_ = nullptr;         // in kThinking
  const ToolCallSyntax* syntax_ = nullptr;  // in kCall
  std::string held_;                        // text not yet told apart
  std::vector<ToolCall> calls_;
  size_t next_number_ = 1;
};

}  // namespace halfbyte
