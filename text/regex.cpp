#include "text/regex.h"

#include <algorithm>
#include <unordered_map>

#include "base/errors.h"
#include "text/regex_syntax.h"

namespace halfbyte {
namespace {

using Op = Regex::Instruction::Op;
using Mode = Regex::Instruction::Mode;
using Kind = RegexNode::Kind;
constexpr size_t kMostInstructions = 20000;

// Steps: characters looked at and instructions taken. Patterns in use need some ten a character; the constant lets short texts
// have those few that look ahead over and over.
constexpr uint64_t kFreeSteps = 1 << 16, kStepsPerByte = 256;

bool can_be_nothing(const RegexNode& node) {
  const auto can = [](const RegexNode& child) { return can_be_nothing(child); };
  switch (node.kind) {
    case Kind::kClass: return false;
    case Kind::kSequence:
    case Kind::kAtomic: return std::all_of(node.children.begin(), node.children.end(), can);
    case Kind::kAlternatives: return std::any_of(node.children.begin(), node.children.end(), can);
    case Kind::kRepeat: return node.least == 0 || can_be_nothing(node.children[0]);
    default: return true;
  }
}

// The kinds a match that takes something may begin with.
CharSet first_kinds(const RegexNode& node) {
  CharSet first;
  switch (node.kind) {
    case Kind::kClass: return CharClass(node.terms).kinds();
    case Kind::kAlternatives:
      for (const RegexNode& child : node.children) first = first | first_kinds(child);
      return first;
    case Kind::kSequence:
    case Kind::kAtomic:
    case Kind::kRepeat:
      for (const RegexNode& child : node.children) {
        first = first | first_kinds(child);
        if (!can_be_nothing(child)) break;
      }
      return first;
    default: return first;
  }
}

}  // namespace

class RegexCompiler {
 public:
  explicit RegexCompiler(std::string_view where) : where_(where) {}

  Result<Regex> compile(const RegexNode& root) {
    regex_.word_.emplace_back(word_characters());
    RegexNode whole;  // its first characters spare most of the places where nothing can match
    whole.kind = Kind::kAlternatives;
    if (root.kind == Kind::kAlternatives)
      whole = root;
    else
      whole.children.push_back(root);
    HB_TRY(emit(whole));
    add(Op::kAccept);
    return std::move(regex_);
  }

 private:
  uint32_t here() const { return static_cast<uint32_t>(regex_.code_.size()); }
  uint32_t add(Op op, uint32_t argument = 0, bool is_negated = false) {
    regex_.code_.push_back({.op = op, .is_negated = is_negated, .argument = argument});
    return here() - 1;
  }
  // One for each place in the pattern, however often a count repeats it.
  uint32_t add_class(const CharClassTerms& terms) {
    const auto [known, is_new] = class_of_.emplace(&terms, static_cast<uint32_t>(regex_.classes_.size()));
    if (is_new) regex_.classes_.emplace_back(terms);
    return known->second;
  }
  uint32_t add_branches(uint32_t count) {
    const uint32_t at = add(Op::kBranches);
    regex_.code_[at].least = static_cast<uint32_t>(regex_.branches_.size());
    regex_.branches_.resize(regex_.branches_.size() + count);
    regex_.code_[at].most = static_cast<uint32_t>(regex_.branches_.size());
    return at;
  }
  Regex::Branch& branch(uint32_t branches, uint32_t i) { return regex_.branches_[regex_.code_[branches].least + i]; }

  Result<void> emit(const RegexNode& node) {
    if (regex_.code_.size() > kMostInstructions)
      return unsupported("{}: pattern: expected at most {} instructions when its counts are written out", where_, kMostInstructions);
    switch (node.kind) {
      case Kind::kClass: return emit_run(node.terms, 1, 1, Mode::kGreedy);
      case Kind::kSequence:
        for (const RegexNode& child : node.children) HB_TRY(emit(child));
        return {};
      case Kind::kAlternatives: return emit_alternatives(node);
      case Kind::kRepeat: return emit_repeat(node);
      case Kind::kLook: return emit_enclosed(Op::kLook, node);
      case Kind::kAtomic: return emit_enclosed(Op::kAtomic, node);
      case Kind::kLookBehind: add(Op::kLookBehind, add_class(node.terms), node.is_negated); return {};
      case Kind::kLineStart: add(Op::kLineStart); return {};
      case Kind::kLineEnd: add(Op::kLineEnd); return {};
      case Kind::kTextStart: add(Op::kTextStart); return {};
      case Kind::kTextEnd: add(Op::kTextEnd); return {};
      case Kind::kTextEndLine: add(Op::kTextEndLine); return {};
      case Kind::kWordBoundary: add(Op::kWordBoundary, 0, node.is_negated); return {};
    }
    return {};
  }

  Result<void> emit_run(const CharClassTerms& terms, uint32_t least, uint32_t most, Mode mode) {
    const uint32_t at = add(Op::kRun, add_class(terms));
    regex_.code_[at].least = least;
    regex_.code_[at].most = most;
    regex_.code_[at].mode = mode;
    return {};
  }

  Result<void> emit_alternatives(const RegexNode& node) {
    const uint32_t branches = add_branches(static_cast<uint32_t>(node.children.size()));
    std::vector<uint32_t> jumps;
    for (uint32_t i = 0; i < node.children.size(); ++i) {
      branch(branches, i) = {here(), first_kinds(node.children[i]), can_be_nothing(node.children[i])};
      HB_TRY(emit(node.children[i]));
      if (i + 1 < node.children.size()) jumps.push_back(add(Op::kJump));
    }
    for (const uint32_t jump : jumps) regex_.code_[jump].argument = here();
    return {};
  }

  Result<void> emit_enclosed(Op op, const RegexNode& node) {
    const uint32_t at = add(op, 0, node.is_negated);
    HB_TRY(emit(node.children[0]));
    add(Op::kAccept);
    regex_.code_[at].argument = here();
    return {};
  }

  Result<void> emit_repeat(const RegexNode& node) {
    const RegexNode* child = &node.children[0];
    while (child->kind == Kind::kSequence && child->children.size() == 1) child = &child->children[0];
    if (child->kind == Kind::kClass) return emit_run(child->terms, node.least, node.most, static_cast<Mode>(node.mode));
    if (can_be_nothing(*child)) return unsupported("{}: pattern: a repeated group that can match nothing is not supported", where_);
    if (node.mode != RegexNode::Mode::kPossessive) return emit_repeats(node, *child);
    const uint32_t at = add(Op::kAtomic);
    HB_TRY(emit_repeats(node, *child));
    add(Op::kAccept);
    regex_.code_[at].argument = here();
    return {};
  }

  Result<void> emit_repeats(const RegexNode& node, const RegexNode& child) {
    for (uint32_t i = 0; i < node.least; ++i) HB_TRY(emit(child));
    const bool is_lazy = node.mode == RegexNode::Mode::kLazy;
    const Regex::Branch anywhere{0, chars::kAnything, true};
    const auto set_ways = [&](uint32_t branches, uint32_t in, uint32_t out) {
      branch(branches, is_lazy ? 1 : 0) = {in, first_kinds(child), false};
      branch(branches, is_lazy ? 0 : 1) = {out, anywhere.first, true};
    };
    if (node.most == RegexNode::kNoLimit) {
      const uint32_t loop = add_branches(2);
      HB_TRY(emit(child));
      add(Op::kJump, loop);
      set_ways(loop, loop + 1, here());
      return {};
    }
    std::vector<uint32_t> optional;
    for (uint32_t i = node.least; i < node.most; ++i) {
      optional.push_back(add_branches(2));
      HB_TRY(emit(child));
    }
    for (const uint32_t branches : optional) set_ways(branches, branches + 1, here());
    return {};
  }

  std::string_view where_;
  Regex regex_;
  std::unordered_map<const CharClassTerms*, uint32_t> class_of_;
};

// One search through [begin, end).
class RegexMatcher {
 public:
  RegexMatcher(const Regex& regex, const ClassifiedText& text, uint32_t begin, uint32_t end, Regex::Budget& budget)
      : regex_(regex), text_(text), begin_(begin), end_(end), steps_left_(budget.steps) {}

  // The end of the match that begins at `at`.
  std::optional<uint32_t> match(uint32_t at) { return run(0, at); }

 private:
  struct Way {  // to go on when the present one fails
    uint32_t code, at;
    uint32_t floor;  // of a run: it can give characters back down to here, or when lazy the number it has
    enum class Kind : uint8_t { kPlain, kGreedyRun, kLazyRun } kind;
  };

  bool spend(uint64_t steps) {
    steps_left_ -= std::min(steps, steps_left_);
    return steps_left_ != 0;
  }

  bool is_word(uint32_t at) const { return regex_.word_[0].contains(text_, at); }

  bool holds(const Regex::Instruction& position, uint32_t at) const {
    switch (position.op) {
      case Op::kLineStart: return at == begin_ || text_.byte(at - 1) == '\n';
      case Op::kLineEnd: return at == end_ || text_.byte(at) == '\n';
      case Op::kTextStart: return at == begin_;
      case Op::kTextEnd: return at == end_;
      case Op::kTextEndLine: return at == end_ || (at + 1 == end_ && text_.byte(at) == '\n');
      case Op::kWordBoundary: {
        const bool before = at > begin_ && is_word(text_.before(at)), after = at < end_ && is_word(at);
        return (before != after) != position.is_negated;
      }
      case Op::kLookBehind: {
        const bool is = at > begin_ && regex_.classes_[position.argument].contains(text_, text_.before(at));
        return is != position.is_negated;
      }
      default: return false;
    }
  }

  // Takes the run's characters and leaves the way back; false: fewer than it needs.
  bool take_run(const Regex::Instruction& run, uint32_t code, uint32_t& at) {
    const CharClass& set = regex_.classes_[run.argument];
    const uint32_t most = run.mode == Mode::kLazy ? run.least : run.most;
    uint32_t count = 0, floor = at;
    for (; count < most && at < end_ && set.contains(text_, at); ++count) {
      at = text_.after(at);
      if (count + 1 == run.least) floor = at;
    }
    if (!spend(count) || count < run.least) return false;
    if (run.mode == Mode::kGreedy && at > floor) ways_.push_back({code + 1, at, floor, Way::Kind::kGreedyRun});
    if (run.mode == Mode::kLazy && count < run.most) ways_.push_back({code, at, count, Way::Kind::kLazyRun});
    return true;
  }

  // Goes back to the last way left open since `base`.
  bool go_back(size_t base, uint32_t& code, uint32_t& at) {
    while (ways_.size() > base) {
      Way& way = ways_.back();
      if (way.kind == Way::Kind::kPlain) {
        code = way.code;
        at = way.at;
        ways_.pop_back();
        return true;
      }
      if (way.kind == Way::Kind::kGreedyRun) {
        code = way.code;
        at = way.at = text_.before(way.at);
        if (at == way.floor) ways_.pop_back();
        return true;
      }
      const Regex::Instruction& run = regex_.code_[way.code];
      if (way.at < end_ && regex_.classes_[run.argument].contains(text_, way.at)) {
        code = way.code + 1;
        at = way.at = text_.after(way.at);
        if (++way.floor == run.most) ways_.pop_back();
        return true;
      }
      ways_.pop_back();
    }
    return false;
  }

  std::optional<uint32_t> run(uint32_t code, uint32_t at) {
    const size_t base = ways_.size();
    for (;;) {
      if (!spend(1)) break;
      const Regex::Instruction& instruction = regex_.code_[code];
      bool goes_on = true;
      switch (instruction.op) {
        case Op::kAccept: ways_.resize(base); return at;
        case Op::kJump: code = instruction.argument; continue;
        case Op::kRun:
          goes_on = take_run(instruction, code, at);
          ++code;
          break;
        case Op::kBranches: goes_on = branch(instruction, code, at); break;
        case Op::kLook: {
          const bool matches = run(code + 1, at).has_value();
          goes_on = matches != instruction.is_negated;
          code = instruction.argument;
          break;
        }
        case Op::kAtomic: {
          const auto end = run(code + 1, at);
          goes_on = end.has_value();
          at = end.value_or(at);
          code = instruction.argument;
          break;
        }
        default:
          goes_on = holds(instruction, at);
          ++code;
          break;
      }
      if (!goes_on && !go_back(base, code, at)) break;
    }
    ways_.resize(base);
    return std::nullopt;
  }

  // To the first branch that may match here; the others stay open.
  bool branch(const Regex::Instruction& branches, uint32_t& code, uint32_t at) {
    const CharKind kind = at < end_ ? text_.kind(at) : CharKind::kContinuation;  // of no class
    const size_t before = ways_.size();
    for (uint32_t i = branches.most; i-- > branches.least;) {
      const Regex::Branch& way = regex_.branches_[i];
      if (way.can_be_nothing || way.first.contains(kind)) ways_.push_back({way.code, at, 0, Way::Kind::kPlain});
    }
    if (ways_.size() == before) return false;
    code = ways_.back().code;
    ways_.pop_back();
    return true;
  }

  const Regex& regex_;
  const ClassifiedText& text_;
  uint32_t begin_, end_;
  uint64_t& steps_left_;
  std::vector<Way> ways_;
};

Result<Regex> Regex::compile(std::string_view pattern, std::string_view where) {
  HB_TRY_ASSIGN(root, parse_regex(pattern, where));
  return RegexCompiler(where).compile(root);
}

Regex::Budget::Budget(size_t bytes) : steps(kFreeSteps + kStepsPerByte * bytes) {}

std::vector<Regex::Match> Regex::matches(const ClassifiedText& text, uint32_t begin, uint32_t end, Budget& budget) const {
  std::vector<Match> found;
  RegexMatcher matcher(*this, text, begin, end, budget);
  uint32_t at = begin;
  const auto next = [&] { at = at < end ? text.after(at) : at + 1; };
  while (at <= end && budget.steps > 0) {
    const auto stop = matcher.match(at);
    const bool follows = !found.empty() && found.back().end == at;
    if (stop && (*stop > at || !follows)) found.push_back({at, *stop});
    if (stop && *stop > at)
      at = *stop;
    else
      next();
  }
  return found;
}

}  // namespace halfbyte
