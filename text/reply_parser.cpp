#include "text/reply_parser.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/white_space.h"
#include "text/possible_beginning.h"

namespace halfbyte {
namespace {

constexpr std::string_view kFence = "```json";
constexpr auto npos = std::string_view::npos;

}  // namespace

ReplyParser::ReplyParser(std::string_view chat_template, std::span<const Tool> tools, std::string_view prompt)
    : tools_(tools.begin(), tools.end()) {
  if (!tools.empty()) syntaxes_ = tool_call_syntaxes(chat_template);
  for (const ThinkTags& tags : kThinkTags)
    if (trimmed(prompt).ends_with(tags.open)) {
      mode_ = Mode::kThinking;
      tags_ = &tags;
      drops_space_ = true;
    }
}

std::optional<ThinkingMarkers> ReplyParser::thinking_markers(std::string_view chat_template, std::string_view prompt) {
  for (const ThinkTags& tags : kThinkTags) {
    if (trimmed(prompt).ends_with(tags.close)) return {};
    const bool has_begun = trimmed(prompt).ends_with(tags.open);
    if (has_begun || chat_template.find(tags.close) != npos)
      return ThinkingMarkers{std::string(tags.open), std::string(tags.close), has_begun};
  }
  return {};
}

bool ReplyParser::expects_markers(std::string_view chat_template, std::span<const Tool> tools) {
  if (!tools.empty() && !tool_call_syntaxes(chat_template).empty()) return true;
  return std::ranges::any_of(kThinkTags, [&](const ThinkTags& tags) { return chat_template.find(tags.open) != npos; });
}

ReplyParser::Delta ReplyParser::push(std::string_view text) {
  held_ += text;
  Delta out;
  while (advance(out, false)) {}
  return out;
}

ReplyParser::Delta ReplyParser::finish() {
  Delta out;
  while (!held_.empty() && advance(out, true)) {}
  return out;
}

bool ReplyParser::advance(Delta& out, bool is_last) {
  if (drops_space_) held_.erase(0, held_.find_first_not_of(kWhiteSpace));
  if (held_.empty()) return false;
  drops_space_ = false;
  switch (mode_) {
    case Mode::kStart: return begin(is_last);
    case Mode::kThinking: return think(out, is_last);
    case Mode::kBareCall: return read_bare(is_last);
    case Mode::kContent: return say(out, is_last);
    case Mode::kCall: return read_call(out, is_last);
  }
  return false;
}

// The beginning of a reply, or what follows thinking or a call.
bool ReplyParser::begin(bool is_last) {
  const std::string_view rest = trimmed(held_);
  const auto may_become = [&](std::string_view marker) { return !is_last && marker.starts_with(rest); };
  for (const ThinkTags& tags : kThinkTags) {
    if (rest.starts_with(tags.open)) {
      held_.erase(0, held_.find(tags.open) + tags.open.size());
      tags_ = &tags;
      drops_space_ = true;
      mode_ = Mode::kThinking;
      return true;
    }
    if (may_become(tags.open)) return false;
  }
  mode_ = Mode::kContent;
  if (tools_.empty()) return true;
  for (const ToolCallSyntax* syntax : syntaxes_)
    if (rest.starts_with(syntax->open)) return true;
  mode_ = Mode::kStart;
  for (const ToolCallSyntax* syntax : syntaxes_)
    if (may_become(syntax->open)) return false;
  if (may_become(kFence)) return false;
  mode_ = rest.starts_with('{') || rest.starts_with('[') || rest.starts_with(kFence) ? Mode::kBareCall : Mode::kContent;
  return true;
}

bool ReplyParser::think(Delta& out, bool is_last) {
  const size_t close = held_.find(tags_->close);
  size_t end = close != npos || is_last ? std::min(close, held_.size()) : held_.size() - possible_beginning(held_, tags_->close);
  end = trimmed_right(std::string_view(held_).substr(0, end)).size();
  out.thinking += held_.substr(0, end);
  held_.erase(0, end);
  if (close == npos) {
    if (is_last) held_.clear();
    return false;
  }
  held_.erase(0, held_.find(tags_->close) + tags_->close.size());
  restart();
  return true;
}

bool ReplyParser::say(Delta& out, bool is_last) {
  size_t first = npos;
  size_t hold = 0;
  for (const ToolCallSyntax* syntax : syntaxes_) {
    if (const size_t at = held_.find(syntax->open); at < first) {
      first = at;
      syntax_ = syntax;
    }
    hold = std::max(hold, possible_beginning(held_, syntax->open));
  }
  size_t end = first != npos ? first : is_last ? held_.size() : held_.size() - hold;
  // White space may turn out to stand before a call.
  if (first != npos || (!is_last && !syntaxes_.empty())) end = trimmed_right(std::string_view(held_).substr(0, end)).size();
  out.content += held_.substr(0, end);
  held_.erase(0, end);
  if (first == npos) return false;
  held_.erase(0, held_.find(syntax_->open) + syntax_->open.size());
  mode_ = Mode::kCall;
  return true;
}

// held_ begins behind the opening marker. A closing marker may also stand inside an argument: the first one counts that makes a call.
bool ReplyParser::read_call(Delta& out, bool is_last) {
  const std::string_view held = held_;
  const std::string_view close = syntax_->close;
  for (size_t at = close.empty() ? npos : held.find(close); at != npos; at = held.find(close, at + 1)) {
    if (!add(syntax_->read(held.substr(0, at), tools_))) continue;
    held_.erase(0, at + close.size());
    restart();
    return true;
  }
  if (!is_last) return false;
  if (add(syntax_->read(held, tools_))) {
    held_.clear();
    return false;
  }
  // What cannot be read is content, up to where the next call may begin.
  const size_t at = close.empty() ? npos : held.find(close);
  const size_t end = at == npos ? held_.size() : at + close.size();
  out.content += std::string(syntax_->open) + held_.substr(0, end);
  held_.erase(0, end);
  mode_ = Mode::kContent;
  return true;
}

bool ReplyParser::read_bare(bool is_last) {
  const std::string_view rest = trimmed(held_);
  const bool is_fenced = rest.starts_with(kFence);
  if (!is_last) {
    // A complete first value that is no call: the reply is an answer in JSON.
    if (is_fenced) return false;
    const size_t end = end_of_json(rest);
    if (end == npos || read_bare_calls(rest.substr(0, end), tools_)) return false;
  } else if (add(read_bare_calls(rest, tools_))) {
    held_.clear();
    return false;
  }
  mode_ = Mode::kContent;
  return true;
}

bool ReplyParser::add(const ToolCalls& calls) {
  if (!calls) return false;
  for (const ToolCall& call : *calls) {
    calls_.push_back(call);
    if (calls_.back().call_id.empty()) calls_.back().call_id = fmt::format("call{:05}", next_number_++);
  }
  return true;
}

void ReplyParser::restart() {
  drops_space_ = true;
  mode_ = Mode::kStart;
}

}  // namespace halfbyte
