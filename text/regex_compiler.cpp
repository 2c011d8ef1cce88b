// A pattern's tree -> a program. What can be known of a match before it is tried is found out here: with which kinds of character each
// branch and what follows each run can begin. It spares branches, ways back and starts that must fail, and never changes what matches.
#include <algorithm>
#include <unordered_map>

#include "base/errors.h"
#include "text/regex.h"
#include "text/regex_program.h"
#include "text/regex_syntax.h"

namespace halfbyte {
namespace {

using Op = RegexProgram::Op;
using Kind = RegexNode::Kind;
using Mode = RegexNode::Mode;
constexpr size_t kMostInstructions = 20000;
constexpr uint32_t kMostRememberedLoops = 4;  // each takes a byte for every byte of a text

// What can be at the beginning of a part of a match.
struct Start {
  CharSet kinds;        // of the first character it takes
  bool can_be_nothing;  // or it takes none
};

// What can come after a part.
struct Follow {
  CharSet kinds;     // of the next character, when the rest must take one
  bool is_anything;  // it need not
  bool is_end;       // there is nothing more, so whatever the part took will do
};
constexpr Follow kEnd = {{}, true, true};

Follow before(const Start& start, const Follow& follow) {
  if (!start.can_be_nothing) return {start.kinds, false, false};
  return {start.kinds | follow.kinds, follow.is_anything, false};
}

class Compiler {
 public:
  explicit Compiler(std::string_view where) : where_(where) {}

  Result<RegexProgram> compile(const RegexNode& root) {
    program_.word.emplace_back(word_characters());
    const Start start = start_of(root);
    program_.starts = start.kinds;
    program_.can_be_nothing = start.can_be_nothing;
    HB_TRY(emit(root, kEnd));
    add(Op::kAccept);
    find_leading_run(root);
    return std::move(program_);
  }

 private:
  enum class Inside : uint8_t { kWhole, kLook, kAtomic };  // what the code emitted now is run by itself for

  const Start& start_of(const RegexNode& node) {
    const auto known = starts_.find(&node);
    if (known != starts_.end()) return known->second;
    return starts_.emplace(&node, find_start(node)).first->second;
  }
  Start find_start(const RegexNode& node) {
    Start start{{}, true};
    switch (node.kind) {
      case Kind::kClass: return {program_.classes[class_of(node.terms)].kinds(), false};
      case Kind::kAlternatives:
        start.can_be_nothing = false;
        for (const RegexNode& child : node.children) {
          const Start& one = start_of(child);
          start = {start.kinds | one.kinds, start.can_be_nothing || one.can_be_nothing};
        }
        return start;
      case Kind::kSequence:
      case Kind::kAtomic:
        for (const RegexNode& child : node.children) {
          const Start& one = start_of(child);  // of all of them: their starts are needed later
          if (start.can_be_nothing) start = {start.kinds | one.kinds, one.can_be_nothing};
        }
        return start;
      case Kind::kRepeat: {
        const Start& one = start_of(node.children[0]);
        if (node.most == 0) return start;
        return {one.kinds, node.least == 0 || one.can_be_nothing};
      }
      case Kind::kLook: start_of(node.children[0]); return start;
      default: return start;
    }
  }

  uint32_t here() const { return static_cast<uint32_t>(program_.code.size()); }
  RegexProgram::Instruction& at(uint32_t code) { return program_.code[code]; }
  uint32_t add(Op op, bool is_negated = false) {
    program_.code.push_back({.op = op, .is_negated = is_negated});
    return here() - 1;
  }
  // One for each place in the pattern, however often a count repeats it.
  uint32_t class_of(const CharClassTerms& terms) {
    const auto [known, is_new] = classes_.emplace(&terms, static_cast<uint32_t>(program_.classes.size()));
    if (is_new) program_.classes.emplace_back(terms);
    return known->second;
  }
  uint32_t add_with_class(Op op, const CharClassTerms& terms, bool is_negated = false) {
    const uint32_t code = add(op, is_negated);
    const uint32_t number = class_of(terms);
    at(code).argument = number;
    at(code).whole = program_.classes[number].whole();
    at(code).part = program_.classes[number].part();
    return code;
  }

  Result<void> emit(const RegexNode& node, const Follow& follow) {
    if (program_.code.size() > kMostInstructions)
      return unsupported("{}: pattern: expected at most {} instructions when its counts are written out", where_, kMostInstructions);
    switch (node.kind) {
      case Kind::kClass: add_with_class(Op::kOne, node.terms); return {};
      case Kind::kSequence: return emit_sequence(node, follow);
      case Kind::kAlternatives: return emit_alternatives(node, follow);
      case Kind::kRepeat: return emit_repeat(node, follow);
      case Kind::kLook: return emit_look(node);
      case Kind::kAtomic: return emit_enclosed(Op::kAtomic, Inside::kAtomic, node.children[0]);
      case Kind::kLookBehind: add_with_class(Op::kLookBehind, node.terms, node.is_negated); return {};
      case Kind::kLineStart: add(Op::kLineStart); return {};
      case Kind::kLineEnd: add(Op::kLineEnd); return {};
      case Kind::kTextStart: add(Op::kTextStart); return {};
      case Kind::kTextEnd: add(Op::kTextEnd); return {};
      case Kind::kTextEndLine: add(Op::kTextEndLine); return {};
      case Kind::kWordBoundary: add(Op::kWordBoundary, node.is_negated); return {};
    }
    return {};
  }

  Result<void> emit_sequence(const RegexNode& node, const Follow& follow) {
    std::vector<Follow> follows(node.children.size(), follow);
    for (size_t i = node.children.size(); i-- > 1;) follows[i - 1] = before(start_of(node.children[i]), follows[i]);
    for (size_t i = 0; i < node.children.size(); ++i) HB_TRY(emit(node.children[i], follows[i]));
    return {};
  }

  struct Branch {
    uint32_t code;
    Follow start;
  };
  void set_branches(uint32_t code, const std::vector<Branch>& branches) {
    RegexProgram::Branches& set = program_.branches[at(code).argument];
    for (size_t kind = 0; kind < set.by_kind.size(); ++kind) {
      const auto first = static_cast<uint32_t>(program_.ways.size());
      for (const Branch& branch : branches)
        if (branch.start.is_anything || branch.start.kinds.contains(static_cast<CharKind>(kind))) program_.ways.push_back(branch.code);
      const auto last = static_cast<uint32_t>(program_.ways.size());
      set.by_kind[kind] = {first, last};
      for (size_t i = 0; i < kind; ++i) {  // most kinds have the same as one before
        const auto known = set.by_kind[i];
        if (!std::equal(program_.ways.begin() + known.first, program_.ways.begin() + known.last, program_.ways.begin() + first,
                        program_.ways.end()))
          continue;
        program_.ways.resize(first);
        set.by_kind[kind] = known;
        break;
      }
    }
  }
  uint32_t add_branches() {
    const uint32_t code = add(Op::kBranches);
    at(code).argument = static_cast<uint32_t>(program_.branches.size());
    program_.branches.emplace_back();
    return code;
  }

  Result<void> emit_alternatives(const RegexNode& node, const Follow& follow) {
    const uint32_t code = add_branches();
    std::vector<Branch> branches;
    std::vector<uint32_t> jumps;
    for (const RegexNode& child : node.children) {
      if (!branches.empty()) {
        const uint32_t out = add(follow.is_end ? Op::kAccept : Op::kJump);
        if (!follow.is_end) jumps.push_back(out);
      }
      branches.push_back({here(), before(start_of(child), follow)});
      HB_TRY(emit(child, follow));
    }
    for (const uint32_t jump : jumps) at(jump).argument = here();
    set_branches(code, branches);
    return {};
  }

  Result<void> emit_look(const RegexNode& node) {
    if (const RegexNode* one = only_class(node.children[0])) {
      add_with_class(Op::kLookAhead, one->terms, node.is_negated);
      return {};
    }
    const uint32_t code = here();
    HB_TRY(emit_enclosed(Op::kLook, Inside::kLook, node.children[0]));
    at(code).is_negated = node.is_negated;
    return {};
  }
  Result<void> emit_enclosed(Op op, Inside inside, const RegexNode& child) {
    const Inside outside = std::exchange(inside_, inside);
    const uint32_t code = add(op);
    HB_TRY(emit(child, kEnd));
    add(Op::kAccept);
    at(code).argument = here();
    at(code).next = start_of(child).kinds;
    inside_ = outside;
    return {};
  }

  static const RegexNode* only_class(const RegexNode& node) {
    const RegexNode* one = &node;
    while (one->kind == Kind::kSequence && one->children.size() == 1) one = &one->children[0];
    return one->kind == Kind::kClass ? one : nullptr;
  }

  Result<void> emit_repeat(const RegexNode& node, const Follow& follow) {
    const RegexNode& child = node.children[0];
    if (const RegexNode* one = only_class(child)) {
      emit_run(node, one->terms, follow);
      return {};
    }
    if (start_of(child).can_be_nothing) return unsupported("{}: pattern: a repeated group that can match nothing is not supported", where_);
    if (node.mode != Mode::kPossessive) return emit_repeats(node, follow);
    const Inside outside = std::exchange(inside_, Inside::kAtomic);
    const uint32_t code = add(Op::kAtomic);
    HB_TRY(emit_repeats(node, kEnd));
    add(Op::kAccept);
    at(code).argument = here();
    inside_ = outside;
    return {};
  }

  // What a greedy run gives back cannot help when what follows must begin with another kind of character, or is nothing.
  void emit_run(const RegexNode& node, const CharClassTerms& terms, const Follow& follow) {
    const CharSet kinds = program_.classes[class_of(terms)].kinds();
    const bool keeps = follow.is_end || (!follow.is_anything && (kinds & follow.kinds) == CharSet());
    const bool gives_back = node.mode == Mode::kGreedy && !keeps;
    const bool is_run = node.most == RegexNode::kNoLimit && node.least <= 1;
    Op op = Op::kLazyCount;
    if (node.mode != Mode::kLazy) {
      op = gives_back ? Op::kCount : Op::kPossessiveCount;
      if (is_run) op = gives_back ? Op::kRun : Op::kPossessiveRun;
      if (node.least == 0 && node.most == 1 && !gives_back) op = Op::kOptional;
    }
    const uint32_t code = add_with_class(op, terms);
    if (op == Op::kRun || op == Op::kPossessiveRun) at(code).whole = at(code).whole | CharKind::kContinuation;
    at(code).least = node.least;
    at(code).most = node.most;
    at(code).next = follow.is_anything ? chars::kAnything : follow.kinds;
  }

  Result<void> emit_repeats(const RegexNode& node, const Follow& follow) {
    const RegexNode& child = node.children[0];
    const Start start = start_of(child);
    const bool is_lazy = node.mode == Mode::kLazy;
    const Follow again = {start.kinds | follow.kinds, follow.is_anything, false};
    const Follow enters = {start.kinds, false, false};
    for (uint32_t i = 0; i < node.least; ++i) HB_TRY(emit(child, i + 1 == node.most ? follow : again));
    const auto set_ways = [&](uint32_t branches, uint32_t in, uint32_t out) {
      if (is_lazy)
        set_branches(branches, {{out, follow}, {in, enters}});
      else
        set_branches(branches, {{in, enters}, {out, follow}});
    };
    if (node.most == RegexNode::kNoLimit) {
      if (follow.is_end && !is_lazy) return emit_enclosed(Op::kPossessiveLoop, Inside::kAtomic, child);
      const uint32_t loop = add_branches();
      if (inside_ == Inside::kLook && program_.remembered_loops < kMostRememberedLoops) at(loop).loop_head = program_.remembered_loops++;
      HB_TRY(emit(child, again));
      at(add(Op::kJump)).argument = loop;
      set_ways(loop, loop + 1, here());
      return {};
    }
    std::vector<uint32_t> optional;
    for (uint32_t i = node.least; i < node.most; ++i) {
      optional.push_back(add_branches());
      HB_TRY(emit(child, again));
    }
    for (const uint32_t branches : optional) set_ways(branches, branches + 1, here());
    return {};
  }

  // Where such a run was tried in vain, the pattern cannot match from a place inside it: it would have the same ends to go on from.
  void find_leading_run(const RegexNode& root) {
    const RegexNode* node = &root;
    while (node->kind == Kind::kSequence && !node->children.empty()) node = &node->children[0];
    if (node->kind != Kind::kRepeat || node->most != RegexNode::kNoLimit) return;
    if (const RegexNode* one = only_class(node->children[0])) program_.leading_run = class_of(one->terms);
  }

  std::string_view where_;
  RegexProgram program_;
  Inside inside_ = Inside::kWhole;
  std::unordered_map<const RegexNode*, Start> starts_;
  std::unordered_map<const CharClassTerms*, uint32_t> classes_;
};

}  // namespace

Result<Regex> Regex::compile(std::string_view pattern, std::string_view where) {
  HB_TRY_ASSIGN(root, parse_regex(pattern, where));
  HB_TRY_ASSIGN(program, Compiler(where).compile(root));
  return Regex(std::make_shared<const RegexProgram>(std::move(program)));
}

}  // namespace halfbyte
