// Regular expressions as tokenizer.json writes them: the Ruby syntax of Oniguruma, which the tokenizers library uses.
// Backtracking with its own stack and a budget of steps: no pattern and no text takes more than linear time or memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "halfbyte/result.h"
#include "text/classified_text.h"

namespace halfbyte {

struct RegexProgram;

// A pattern made ready to search with. Copies share it.
class Regex {
 public:
  // kCorrupt: not a pattern; kUnsupported names the construct (back-references, \G, \X, scripts but Han, ...). `where` is for the message.
  static Result<Regex> compile(std::string_view pattern, std::string_view where);

  struct Match {
    uint32_t begin, end;
  };

 private:
  friend class RegexSearch;
  explicit Regex(std::shared_ptr<const RegexProgram> program) : program_(std::move(program)) {}
  std::shared_ptr<const RegexProgram> program_;
};

// A search for one pattern through one text, or through parts of it, which share its budget. Neither is owned.
class RegexSearch {
 public:
  RegexSearch(const Regex& regex, const ClassifiedText& text);

  // Begins with the part [begin, end), at or after the one before; nothing outside it is looked at.
  void enter(uint32_t begin, uint32_t end);
  // The next match in the part, left to right, none overlapping; false: no more. An empty match right after another does not count.
  bool next(Regex::Match& match);
  // The budget of steps is used up; what is left of the text has no match.
  bool has_given_up() const { return steps_left_ <= 0; }

 private:
  struct Way {  // to go on when the present one fails
    enum class Kind : uint32_t { kBranches, kGreedy, kLazy };
    uint32_t code, at;
    uint32_t bound;  // where a greedy run may give characters back down to; how many a lazy one has; where branches end
    Kind kind;
  };
  struct OpenLoop {  // the head of a remembered loop, gone through on the way to where the match is now
    uint8_t* outcome;
    size_t ways;  // that were open there
  };

  uint32_t run(uint32_t code, uint32_t at);
  bool go_back(size_t base, uint32_t& code, uint32_t& at);
  uint32_t next_start(uint32_t at) const;
  uint8_t& remembered(uint32_t loop, uint32_t at);
  void close_loops(size_t base, size_t ways, uint8_t outcome);
  bool spend(int64_t steps) { return (steps_left_ -= steps) > 0; }
  void open(const Way& way) {
    if (ways_.size() >= most_ways_) steps_left_ = 0;
    ways_.push_back(way);
  }
  void close_ways(size_t base) {
    while (ways_.size() > base) ways_.pop_back();
  }
  uint32_t after(uint32_t at) const {
    do ++at;
    while (kinds_[at] == CharKind::kContinuation);
    return at;
  }
  uint32_t before(uint32_t at) const {
    do --at;
    while (kinds_[at] == CharKind::kContinuation);
    return at;
  }

  const RegexProgram& program_;
  const ClassifiedText& text_;
  const CharKind* kinds_;
  uint32_t begin_ = 0, end_ = 0, at_ = 1;
  uint32_t last_end_ = UINT32_MAX;  // of the match before in this part
  int64_t steps_left_;
  size_t most_ways_;
  std::vector<Way> ways_;
  size_t resumed_ = 0;  // the number of the way gone back to last
  std::vector<OpenLoop> loops_;
  std::vector<std::vector<uint8_t>> outcomes_;  // by remembered loop, then by place in the text
};

}  // namespace halfbyte
