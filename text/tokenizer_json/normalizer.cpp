#include "text/tokenizer_json/normalizer.h"

#include <utf8proc.h>

#include "base/errors.h"
#include "base/utf8.h"
#include "text/byte_level.h"
#include "text/tokenizer_json/charsmap.h"
#include "text/tokenizer_json/fields.h"
#include "text/tokenizer_json/replacement.h"
#include "text/unicode.h"
#include "text/unicode_forms.h"

namespace halfbyte::tokenizer_json {
namespace {

constexpr size_t kMostSteps = 64, kMostGrowth = 16, kFreeGrowth = 4096;

// `change(out, c)` appends what becomes of the character c. Bytes that are no UTF-8 stay.
template <class Change>
std::string each_character(std::string_view text, const Change& change) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Utf8Character c = read_utf8(text, at);
    if (c.form == Utf8Character::Form::kWhole)
      change(out, c.code_point);
    else
      out += text.substr(at, c.bytes);
    at += c.bytes;
  }
  return out;
}

// The full mapping of a character by itself: of all of them only this one becomes two.
void append_lower(std::string& out, char32_t c) {
  constexpr char32_t kDottedI = 0x130;
  if (c < 0x80)
    out += static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  else if (c == kDottedI)
    out += "i\u0307";
  else
    append_utf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
}

bool is_nonspacing(char32_t c) { return c >= 0x80 && utf8proc_category(static_cast<utf8proc_int32_t>(c)) == UTF8PROC_CATEGORY_MN; }

class Form final : public NormalizerStep {
 public:
  explicit Form(UnicodeForm form) : form_(form) {}
  std::string apply(std::string_view text, size_t) const override { return normalized(text, form_); }

 private:
  UnicodeForm form_;
};

class Lowercase final : public NormalizerStep {
 public:
  std::string apply(std::string_view text, size_t) const override { return each_character(text, append_lower); }
};

class StripAccents final : public NormalizerStep {
 public:
  std::string apply(std::string_view text, size_t) const override {
    return each_character(text, [](std::string& out, char32_t c) {
      if (!chars::kM.contains(kind_of(c))) append_utf8(out, c);
    });
  }
};

class Replace final : public NormalizerStep {
 public:
  explicit Replace(Replacement replacement) : replacement_(std::move(replacement)) {}
  std::string apply(std::string_view text, size_t limit) const override { return replacement_.apply(text, limit); }

 private:
  Replacement replacement_;
};

class Prepend final : public NormalizerStep {
 public:
  explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}
  std::string apply(std::string_view text, size_t) const override { return text.empty() ? std::string() : prefix_ + std::string(text); }

 private:
  std::string prefix_;
};

class Strip final : public NormalizerStep {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  std::string apply(std::string_view text, size_t) const override {
    size_t begin = 0, end = 0;  // of what stays: `end` is past the last character that is no white space
    bool has_begun = false;
    for (size_t at = 0; at < text.size();) {
      const Utf8Character c = read_utf8(text, at);
      if (!chars::kS.contains(kind_of(c.code_point))) {
        if (!has_begun) begin = at;
        has_begun = true;
        end = at + c.bytes;
      }
      at += c.bytes;
    }
    if (!has_begun) return left_ || right_ ? std::string() : std::string(text);
    if (!left_) begin = 0;
    if (!right_) end = text.size();
    return std::string(text.substr(begin, end - begin));
  }

 private:
  bool left_, right_;
};

// The cleaning of machine-translation corpora.
class Nmt final : public NormalizerStep {
 public:
  std::string apply(std::string_view text, size_t) const override {
    return each_character(text, [](std::string& out, char32_t c) {
      const bool is_dropped = (c >= 0x01 && c <= 0x08) || c == 0x0b || (c >= 0x0e && c <= 0x1f) || c == 0x7f || c == 0x8f || c == 0x9f;
      const bool is_blank = c == 0x09 || c == 0x0a || c == 0x0c || c == 0x0d || c == 0x1680 || (c >= 0x200b && c <= 0x200f) ||
                            c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xfeff || c == 0xfffd;
      if (!is_dropped) append_utf8(out, is_blank ? U' ' : c);
    });
  }
};

class Precompiled final : public NormalizerStep {
 public:
  explicit Precompiled(Charsmap map) : map_(std::move(map)) {}
  std::string apply(std::string_view text, size_t) const override { return map_.apply(text); }

 private:
  Charsmap map_;
};

class ByteLevel final : public NormalizerStep {
 public:
  std::string apply(std::string_view text, size_t) const override {
    std::string out;
    append_byte_level(text, out);
    return out;
  }
};

class Bert final : public NormalizerStep {
 public:
  Bert(bool cleans, bool sets_ideographs_apart, bool strips_accents, bool lowers)
      : cleans_(cleans), sets_ideographs_apart_(sets_ideographs_apart), strips_accents_(strips_accents), lowers_(lowers) {}

  std::string apply(std::string_view text, size_t) const override {
    std::string out = each_character(text, [&](std::string& result, char32_t c) {
      if (cleans_ && is_dropped(c)) return;
      if (cleans_ && chars::kS.contains(kind_of(c))) c = ' ';
      if (sets_ideographs_apart_ && is_ideograph(c)) {
        result += ' ';
        append_utf8(result, c);
        result += ' ';
      } else {
        append_utf8(result, c);
      }
    });
    if (strips_accents_)
      out = each_character(normalized(out, UnicodeForm::kNfd), [](std::string& result, char32_t c) {
        if (!is_nonspacing(c)) append_utf8(result, c);
      });
    if (lowers_) out = each_character(out, append_lower);
    return out;
  }

 private:
  // Control, format and private-use characters, also those three that are white space elsewhere.
  static bool is_dropped(char32_t c) {
    if (c == '\t' || c == '\n' || c == '\r') return false;
    const CharKind kind = kind_of(c);
    return c == 0xfffd || kind == CharKind::kControl || kind == CharKind::kOther || c == 0x0b || c == 0x0c || c == 0x85;
  }
  // The list in BERT's code; it leaves U+2B820 .. U+2B91F out.
  static bool is_ideograph(char32_t c) {
    return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x2a6df) ||
           (c >= 0x2a700 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) || (c >= 0xf900 && c <= 0xfaff) ||
           (c >= 0x2f800 && c <= 0x2fa1f);
  }
  bool cleans_, sets_ideographs_apart_, strips_accents_, lowers_;
};

using Step = std::unique_ptr<const NormalizerStep>;

Result<Step> read_bert(Fields& fields) {
  HB_TRY_ASSIGN(cleans, fields.flag("clean_text", true));
  HB_TRY_ASSIGN(apart, fields.flag("handle_chinese_chars", true));
  HB_TRY_ASSIGN(lowers, fields.flag("lowercase", true));
  HB_TRY_ASSIGN(strips, fields.flag("strip_accents", lowers));
  return Step(std::make_unique<Bert>(cleans, apart, strips, lowers));
}

Result<Step> read_strip(Fields& fields) {
  HB_TRY_ASSIGN(left, fields.flag("strip_left"));
  HB_TRY_ASSIGN(right, fields.flag("strip_right"));
  return Step(std::make_unique<Strip>(left, right));
}

Result<Step> read_replace(Fields& fields) {
  HB_TRY_ASSIGN(replacement, Replacement::read(fields));
  return Step(std::make_unique<Replace>(std::move(replacement)));
}

Result<Step> read_prepend(Fields& fields) {
  HB_TRY_ASSIGN(prefix, fields.text("prepend"));
  return Step(std::make_unique<Prepend>(std::move(prefix)));
}

Result<Step> read_precompiled(Fields& fields) {
  HB_TRY_ASSIGN(encoded, fields.text("precompiled_charsmap"));
  HB_TRY_ASSIGN(map, Charsmap::decode(encoded, fields.place("precompiled_charsmap")));
  return Step(std::make_unique<Precompiled>(std::move(map)));
}

template <UnicodeForm form>
Result<Step> read_form(Fields&) {
  return Step(std::make_unique<Form>(form));
}

template <class Plain>
Result<Step> read_plain(Fields&) {
  return Step(std::make_unique<Plain>());
}

struct Row {
  std::string_view type;
  Result<Step> (*read)(Fields& fields);
};
constexpr Row kTypes[] = {
    {"BertNormalizer", read_bert},
    {"ByteLevel", read_plain<ByteLevel>},
    {"Lowercase", read_plain<Lowercase>},
    {"NFC", read_form<UnicodeForm::kNfc>},
    {"NFD", read_form<UnicodeForm::kNfd>},
    {"NFKC", read_form<UnicodeForm::kNfkc>},
    {"NFKD", read_form<UnicodeForm::kNfkd>},
    {"Nmt", read_plain<Nmt>},
    {"Precompiled", read_precompiled},
    {"Prepend", read_prepend},
    {"Replace", read_replace},
    {"Strip", read_strip},
    {"StripAccents", read_plain<StripAccents>},
};

}  // namespace

Result<Normalizer> Normalizer::read(const Json& value, const std::string& where) {
  Normalizer normalizer;
  HB_TRY(normalizer.add(value, where));
  return normalizer;
}

Result<void> Normalizer::add(const Json& value, const std::string& where) {
  HB_TRY_ASSIGN(fields, Fields::of(value, where));
  HB_TRY_ASSIGN(type, fields.text("type"));
  if (type == "Sequence") {
    HB_TRY_ASSIGN(parts, fields.array("normalizers"));
    for (size_t i = 0; i < parts->size(); ++i) HB_TRY(add((*parts)[i], fmt::format("{}.normalizers[{}]", where, i)));
    return fields.finish();
  }
  for (const Row& row : kTypes) {
    if (row.type != type) continue;
    HB_TRY_ASSIGN(step, row.read(fields));
    HB_TRY(fields.finish());
    if (steps_.size() == kMostSteps) return unsupported("{}: expected at most {} normalizers, found more", where, kMostSteps);
    steps_.push_back(std::move(step));
    return {};
  }
  return unsupported("{}: normalizer '{}' is not supported", where, escaped(type));
}

std::string_view Normalizer::apply(std::string_view text, std::string& buffer) const {
  if (steps_.empty()) return text;
  const size_t limit = kMostGrowth * text.size() + kFreeGrowth;
  buffer.assign(text);
  for (const auto& step : steps_) {
    std::string next = step->apply(buffer, limit);
    if (next.size() <= limit) buffer = std::move(next);
  }
  return buffer;
}

}  // namespace halfbyte::tokenizer_json
