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
constexpr uint64_t kFreeSteps = 1 << 16, kStepsPerByte = 256;
constexpr size_t kFreeWays = 1 << 12, kWaysPerByte = 8;  // patterns in use keep at most a few open for each character

enum Outcome : uint8_t { kUnknown, kMatches, kFails };

}  // namespace

RegexSearch::RegexSearch(const Regex& regex, const ClassifiedText& text)
    : program_(*regex.program_),
      text_(text),
      kinds_(text.kinds()),
      steps_left_(kFreeSteps + kStepsPerByte * text.size()),
      most_ways_(kFreeWays + kWaysPerByte * text.size()) {}

void RegexSearch::enter(uint32_t begin, uint32_t end) {
  if (begin < end_) outcomes_.clear();
  begin_ = at_ = begin;
  end_ = end;
  last_end_ = kNoMatch;
}

bool RegexSearch::spend(uint64_t steps) {
  steps_left_ -= std::min(steps, steps_left_);
  return steps_left_ != 0;
}

uint32_t RegexSearch::after(uint32_t at) const {
  do ++at;
  while (kinds_[at] == CharKind::kContinuation);
  return at;
}

uint32_t RegexSearch::before(uint32_t at) const {
  do --at;
  while (kinds_[at] == CharKind::kContinuation);
  return at;
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
      case Way::Kind::kGreedyRun: {
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
      case Way::Kind::kLazyRun: {
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
  const CharKind* const kinds = kinds_;
  const uint32_t end = end_;
  const size_t base = ways_.size(), loops_base = loops_.size();

  const auto contains = [&](const Instruction& i, uint32_t place) {
    const CharKind kind = kinds[place];
    return i.whole.contains(kind) || (i.part.contains(kind) && program_.classes[i.argument].contains_of_part(text_, place));
  };
  const auto open = [&](const Way& way) {
    if (ways_.size() >= most_ways_) steps_left_ = 0;
    ways_.push_back(way);
  };
  const auto is_word = [&](uint32_t place) { return program_.word[0].contains(text_, place); };

  for (;;) {
    if (!spend(1)) break;
    const Instruction& i = program[code];
    bool goes_on = true;
    switch (i.op) {
      case Op::kAccept:
        close_loops(loops_base, 0, kMatches);
        ways_.resize(base);
        return at;
      case Op::kJump: code = i.argument; continue;
      case Op::kOne:
        goes_on = at < end && contains(i, at);
        if (goes_on) at = after(at);
        ++code;
        break;
      case Op::kRun:
      case Op::kPossessiveRun: {
        const uint32_t begin = at;
        uint32_t floor = at;  // where it has the least
        if (i.least <= 1 && i.most == RegexProgram::kNoLimit) {
          const CharSet stays = i.whole | CharKind::kContinuation;
          for (;; ++at) {
            while (at < end && stays.contains(kinds[at])) ++at;
            if (at == end || !i.part.contains(kinds[at]) || !contains(i, at)) break;
          }
          goes_on = at > begin || i.least == 0;
          if (i.least == 1 && i.op == Op::kRun && goes_on) floor = after(begin);
        } else {
          uint32_t count = 0;
          for (; count < i.most && at < end && contains(i, at); ++count) {
            if (count == i.least) floor = at;
            at = after(at);
          }
          if (count == i.least) floor = at;
          goes_on = count >= i.least;
        }
        if (!spend(at - begin)) goes_on = false;
        if (goes_on && i.op == Op::kRun && at > floor) open({code, at, floor, Way::Kind::kGreedyRun});
        ++code;
        break;
      }
      case Op::kLazyRun: {
        uint32_t count = 0;
        for (; count < i.least && at < end && contains(i, at); ++count) at = after(at);
        goes_on = spend(count + 1) && count == i.least;
        if (goes_on && count < i.most) open({code, at, count, Way::Kind::kLazyRun});
        ++code;
        break;
      }
      case Op::kBranches: {
        if (i.loop_head != RegexProgram::kNone && at < end) {
          uint8_t& outcome = remembered(i.loop_head, at);
          if (outcome == kMatches) {
            close_loops(loops_base, 0, kMatches);
            ways_.resize(base);
            return at;  // of a look-ahead, which does not ask where it ends
          }
          if (outcome == kFails) {
            goes_on = false;
            break;
          }
          loops_.push_back({&outcome, ways_.size()});
        }
        const auto ways = program_.branches[i.argument].by_kind[static_cast<size_t>(at < end ? kinds[at] : CharKind::kContinuation)];
        goes_on = ways.first < ways.last;
        if (!goes_on) break;
        if (ways.first + 1 < ways.last) open({ways.first + 1, at, ways.last, Way::Kind::kBranches});
        code = program_.ways[ways.first];
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
    close_loops(loops_base, resumed_ + 1, kFails);
  }
  if (steps_left_ == 0)
    loops_.resize(loops_base);
  else
    close_loops(loops_base, 0, kFails);
  ways_.resize(base);
  return kNoMatch;
}

}  // namespace halfbyte
