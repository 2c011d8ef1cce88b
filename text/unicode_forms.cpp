#include "text/unicode_forms.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/utf8.h"

namespace halfbyte {
namespace {

bool composes(UnicodeForm form) { return form == UnicodeForm::kNfc || form == UnicodeForm::kNfkc; }
bool is_compatible(UnicodeForm form) { return form == UnicodeForm::kNfkc || form == UnicodeForm::kNfkd; }

class Segment {
 public:
  explicit Segment(UnicodeForm form) : form_(form) {}

  void add(char32_t c) {
    std::array<utf8proc_int32_t, 32> parts;  // no character decomposes into more than 18
    int last_boundary = 0;
    const int options = UTF8PROC_DECOMPOSE | (is_compatible(form_) ? UTF8PROC_COMPAT : 0);
    const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts.data(), parts.size(),
                                               static_cast<utf8proc_option_t>(options), &last_boundary);
    if (count <= 0 || static_cast<size_t>(count) > parts.size())
      characters_.push_back(static_cast<utf8proc_int32_t>(c));
    else
      characters_.insert(characters_.end(), parts.begin(), parts.begin() + count);
  }

  void finish(std::string& text) {
    if (characters_.empty()) return;
    sort_marks();
    auto count = static_cast<utf8proc_ssize_t>(characters_.size());
    if (composes(form_))
      count = utf8proc_normalize_utf32(characters_.data(), count, static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
    for (utf8proc_ssize_t i = 0; i < count; ++i) append_utf8(text, static_cast<char32_t>(characters_[static_cast<size_t>(i)]));
    characters_.clear();
  }

 private:
  // Canonical order: each run of marks by combining class, equals in their order. A key is class, place in the run, character.
  void sort_marks() {
    const auto order = [](utf8proc_int32_t c) { return static_cast<uint64_t>(utf8proc_get_property(c)->combining_class); };
    for (auto at = characters_.begin(); at != characters_.end();) {
      const auto first = std::find_if(at, characters_.end(), [&](auto c) { return order(c) != 0; });
      at = std::find_if(first, characters_.end(), [&](auto c) { return order(c) == 0; });
      if (at - first < 2) continue;
      keys_.clear();
      for (auto mark = first; mark != at; ++mark)
        keys_.push_back(order(*mark) << 56 | static_cast<uint64_t>(mark - first) << kCharacterBits | static_cast<uint64_t>(*mark));
      std::sort(keys_.begin(), keys_.end());
      std::transform(keys_.begin(), keys_.end(), first,
                     [](uint64_t key) { return static_cast<utf8proc_int32_t>(key & ((1u << kCharacterBits) - 1)); });
    }
  }

  static constexpr int kCharacterBits = 21;
  UnicodeForm form_;
  std::vector<utf8proc_int32_t> characters_;
  std::vector<uint64_t> keys_;  // of the marks being sorted
};

}  // namespace

std::string normalized(std::string_view text, UnicodeForm form) {
  std::string out;
  out.reserve(text.size());
  Segment segment(form);
  for (size_t at = 0; at < text.size();) {
    // ASCII is in every form already; only its last character can take part, as what marks combine with.
    size_t stop = at;
    while (stop < text.size() && static_cast<uint8_t>(text[stop]) < 0x80) ++stop;
    if (stop > at) {
      segment.finish(out);
      const size_t kept = stop == text.size() ? stop : stop - 1;
      out += text.substr(at, kept - at);
      if (kept < stop) segment.add(static_cast<uint8_t>(text[kept]));
      at = stop;
      continue;
    }
    const Utf8Character c = read_utf8(text, at);
    if (c.form == Utf8Character::Form::kWhole) {
      segment.add(c.code_point);
    } else {
      segment.finish(out);
      out += text.substr(at, c.bytes);
    }
    at += c.bytes;
  }
  segment.finish(out);
  return out;
}

}  // namespace halfbyte
