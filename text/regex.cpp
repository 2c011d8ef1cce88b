#include "text/regex.h"

#include <algorithm>

#include "text/regex_program.h"

namespace halfbyte {
namespace {

using Op = RegexProgram::Op;
using Instruction = RegexProgram::Instruction;
constexpr uint32_t kNoMatch = UINT32_MAX;

// Steps: characters taken and instructions. Patterns in use need some ten a character; the constant lets short texts have those few
// that look ahead over and over.
constexpr int64_t kFreeSteps = 1 << 16, kStepsPerByte = 256;
constexpr size_t kFreeWays = 1 << 12, kWaysPerByte = 8;  // patterns in use keep at most a few open for each character

enum Outcome : uint8_t { kUnknown, kMatches, kFails };

}  // namespace

RegexSearch::RegexSearch(const Regex& regex, const ClassifiedText& text)
    : program_(*regex.program_),
      text_(text),
      kinds_(text.kinds()),
      steps_left_(kFreeSteps + kStepsPerByte * static_cast<int64_t>(text.size())),
      most_ways_(kFreeWays + kWaysPerByte * text.size()) {}

void RegexSearch::enter(uint32_t begin, uint32_t end) {
  if (begin < end_) outcomes_.clear();
  begin_ = at_ = begin;
  end_ = end;
  last_end_ = kNoMatch;
}

bool RegexSearch::next(Regex::Match& match) {
  while (at_ <= end_ && steps_left_ > 0) {
    if (!program_.can_be_nothing) {
      while (at_ < end_ && !program_.starts.contains(kinds_[at_])) ++at_;  // continuations are of no set
      if (at_ == end_) break;
    }
    const uint32_t at = at_, stop = run(0, at);
    if (stop == kNoMatch) {
      at_ = next_start(at);
      continue;
    }
    at_ = stop > at ? stop : (at < end_ ? after(at) : at + 1);
    if (stop == at && last_end_ == at) continue;
    last_end_ = stop;
    match = {at, stop};
    return true;
  }
  at_ = end_ + 1;
  return false;
}

// Where a match may begin when none begins at `at`.
uint32_t RegexSearch::next_start(uint32_t at) const {
  if (at >= end_) return at + 1;
  uint32_t next = after(at);
  if (program_.leading_run == RegexProgram::kNone) return next;
  const CharClass& run = program_.classes[program_.leading_run];
  if (!run.contains(text_, at)) return next;
  while (next < end_ && run.contains(text_, next)) next = after(next);
  return next;
}

uint8_t& RegexSearch::remembered(uint32_t loop, uint32_t at) {
  if (outcomes_.empty()) outcomes_.resize(program_.remembered_loops);
  if (outcomes_[loop].empty()) outcomes_[loop].resize(text_.size(), kUnknown);
  return outcomes_[loop][at];
}

// Those past `base` that were gone through with at least `ways` open: nothing of theirs is left to try, or they led to a match.
void RegexSearch::close_loops(size_t base, size_t ways, uint8_t outcome) {
  for (; loops_.size() > base && loops_.back().ways >= ways; loops_.pop_back()) *loops_.back().outcome = outcome;
}

// Goes back to the last way left open since `base`.
bool RegexSearch::go_back(size_t base, uint32_t& code, uint32_t& at) {
  while (ways_.size() > base) {
    Way& way = ways_.back();
    resumed_ = ways_.size() - 1;
    switch (way.kind) {
      case Way::Kind::kBranches:
        at = way.at;
        code = program_.ways[way.code];
        if (++way.code == way.bound) ways_.pop_back();
        return true;
      case Way::Kind::kGreedy: {
        const Instruction& run = program_.code[way.code];
        const uint32_t had = way.at;
        do way.at = before(way.at);
        while (way.at > way.bound && !run.next.contains(kinds_[way.at]));
        const bool helps = run.next.contains(kinds_[way.at]);
        at = way.at;
        code = way.code + 1;
        if (!spend(had - at)) return false;
        if (at == way.bound) ways_.pop_back();
        if (helps) return true;
        break;
      }
      case Way::Kind::kLazy: {
        const Instruction& run = program_.code[way.code];
        if (way.at < end_ && program_.classes[run.argument].contains(text_, way.at)) {
          code = way.code + 1;
          at = way.at = after(way.at);
          if (++way.bound == run.most) ways_.pop_back();
          return true;
        }
        ways_.pop_back();
        break;
      }
    }
  }
  return false;
}

// Where the match of the code from `code` on that begins at `at` ends.
uint32_t RegexSearch::run(uint32_t code, uint32_t at) {
  const Instruction* const program = program_.code.data();
  const RegexProgram::Branches* const branches = program_.branches.data();
  const uint32_t* const branch_codes = program_.ways.data();
  const CharKind* const kinds = kinds_;
  const uint32_t end = end_;
  const size_t base = ways_.size(), loops_base = loops_.size();

  const auto contains = [&](const Instruction& i, uint32_t place) {
    const CharKind kind = kinds[place];
    return i.whole.contains(kind) || (i.part.contains(kind) && program_.classes[i.argument].contains_of_part(text_, place));
  };
  const auto is_word = [&](uint32_t place) { return program_.word[0].contains(text_, place); };

  for (;;) {
    if (!spend(1)) break;
    const Instruction& i = program[code];
    bool goes_on = true;
    switch (i.op) {
      case Op::kAccept:
        if (loops_.size() > loops_base) close_loops(loops_base, 0, kMatches);
        close_ways(base);
        return at;
      case Op::kJump: code = i.argument; continue;
      case Op::kOne:
        goes_on = at < end && contains(i, at);
        if (goes_on) at = after(at);
        ++code;
        break;
      case Op::kOptional:
        if (at < end && contains(i, at)) at = after(at);
        ++code;
        break;
      case Op::kRun:
      case Op::kPossessiveRun: {
        const uint32_t begin = at;
        for (;; ++at) {
          while (at < end && i.whole.contains(kinds[at])) ++at;
          if (at == end || !i.part.contains(kinds[at]) || !contains(i, at)) break;
        }
        goes_on = spend(at - begin) && at - begin >= i.least;
        if (goes_on && i.op == Op::kRun && at > begin) {
          const uint32_t floor = i.least == 0 ? begin : after(begin);  // where it has the least
          if (at > floor) open({code, at, floor, Way::Kind::kGreedy});
        }
        ++code;
        break;
      }
      case Op::kCount:
      case Op::kPossessiveCount: {
        const uint32_t begin = at;
        uint32_t floor = at, count = 0;
        for (; count < i.most && at < end && contains(i, at); ++count) {
          at = after(at);
          if (count + 1 == i.least) floor = at;
        }
        goes_on = spend(at - begin) && count >= i.least;
        if (goes_on && i.op == Op::kCount && at > floor) open({code, at, floor, Way::Kind::kGreedy});
        ++code;
        break;
      }
      case Op::kLazyCount: {
        uint32_t count = 0;
        for (; count < i.least && at < end && contains(i, at); ++count) at = after(at);
        goes_on = spend(count + 1) && count == i.least;
        if (goes_on && count < i.most) open({code, at, count, Way::Kind::kLazy});
        ++code;
        break;
      }
      case Op::kBranches: {
        if (i.loop_head != RegexProgram::kNone && at < end) {
          uint8_t& outcome = remembered(i.loop_head, at);
          if (outcome == kMatches) {
            close_loops(loops_base, 0, kMatches);
            close_ways(base);
            return at;  // of a look-ahead, which does not ask where it ends
          }
          if (outcome == kFails) {
            goes_on = false;
            break;
          }
          loops_.push_back({&outcome, ways_.size()});
        }
        const auto kind = static_cast<size_t>(at < end ? kinds[at] : CharKind::kContinuation);
        const auto ways = branches[i.argument].by_kind.data()[kind];
        goes_on = ways.first < ways.last;
        if (!goes_on) break;
        if (ways.first + 1 < ways.last) open({ways.first + 1, at, ways.last, Way::Kind::kBranches});
        code = branch_codes[ways.first];
        break;
      }
      case Op::kLook:
        goes_on = (run(code + 1, at) != kNoMatch) != i.is_negated;
        code = i.argument;
        break;
      case Op::kLookAhead:
        goes_on = (at < end && contains(i, at)) != i.is_negated;
        ++code;
        break;
      case Op::kLookBehind:
        goes_on = (at > begin_ && contains(i, before(at))) != i.is_negated;
        ++code;
        break;
      case Op::kAtomic: {
        const uint32_t stop = run(code + 1, at);
        goes_on = stop != kNoMatch;
        if (goes_on) at = stop;
        code = i.argument;
        break;
      }
      case Op::kPossessiveLoop:
        while (at < end && i.next.contains(kinds[at])) {
          const uint32_t stop = run(code + 1, at);
          if (stop == kNoMatch) break;
          at = stop;
        }
        code = i.argument;
        break;
      case Op::kLineStart:
        goes_on = at == begin_ || (at < end && text_.byte(at - 1) == '\n');
        ++code;
        break;
      case Op::kLineEnd:
        goes_on = at == end || text_.byte(at) == '\n';
        ++code;
        break;
      case Op::kTextStart:
        goes_on = at == begin_;
        ++code;
        break;
      case Op::kTextEnd:
        goes_on = at == end;
        ++code;
        break;
      case Op::kTextEndLine:
        goes_on = at == end || (at + 1 == end && text_.byte(at) == '\n');
        ++code;
        break;
      case Op::kWordBoundary: {
        const bool is_before = at > begin_ && is_word(before(at)), is_here = at < end && is_word(at);
        goes_on = (is_before != is_here) != i.is_negated;
        ++code;
        break;
      }
    }
    if (goes_on) continue;
    if (!go_back(base, code, at)) break;
    if (loops_.size() > loops_base) close_loops(loops_base, resumed_ + 1, kFails);
  }
  if (steps_left_ <= 0)
    loops_.resize(loops_base);
  else
    close_loops(loops_base, 0, kFails);
  close_ways(base);
  return kNoMatch;
}

}  // namespace halfbyte
