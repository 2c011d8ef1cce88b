#include "text/tokenizer_json/decoder.h"

#include <algorithm>

#include "base/errors.h"
#include "base/utf8.h"
#include "text/byte_level.h"
#include "text/tokenizer_json/fields.h"
#include "text/tokenizer_json/replacement.h"

namespace halfbyte::tokenizer_json {
namespace {

using Texts = std::vector<std::string>;
constexpr size_t kMostSteps = 64;
constexpr size_t kLongestText = size_t{1} << 30;  // bytes a replacement makes of one text

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  size_t at = 0;
  for (size_t found = text.find(from); !from.empty() && found != std::string_view::npos; found = text.find(from, at)) {
    out.append(text.substr(at, found - at)).append(to);
    at = found + from.size();
  }
  return out.append(text.substr(at));
}

// Each text by itself, but for what the first or the last has of its own.
class EachText : public DecoderStep {
 public:
  Texts apply(Texts texts) const override {
    for (size_t i = 0; i < texts.size(); ++i) texts[i] = one(std::move(texts[i]), i == 0, i + 1 == texts.size());
    return texts;
  }
  // Of a fused text all is first and last.
  std::string apply_inside(std::string text, bool is_fused) const override { return one(std::move(text), is_fused, is_fused); }

 protected:
  virtual std::string one(std::string text, bool is_first, bool is_last) const = 0;
};

class ByteLevel final : public DecoderStep {
 public:
  Texts apply(Texts texts) const override {
    std::string all;
    for (const std::string& text : texts) append(text, all);
    return {std::move(all)};
  }
  std::string apply_inside(std::string text, bool) const override {
    std::string bytes;
    append(text, bytes);
    return bytes;
  }
  bool fuses() const override { return true; }

 private:
  // A text with a character that stands for no byte is taken as it is.
  static void append(std::string_view text, std::string& bytes) {
    if (is_byte_level(text))
      append_from_byte_level(text, bytes);
    else
      bytes += text;
  }
};

class Metaspace final : public EachText {
 public:
  Metaspace(std::string mark, bool prepends) : mark_(std::move(mark)), prepends_(prepends) {}

 private:
  std::string one(std::string text, bool is_first, bool) const override { return replaced(text, mark_, is_first && prepends_ ? "" : " "); }
  std::string mark_;
  bool prepends_;
};

class WordPiece final : public EachText {
 public:
  WordPiece(std::string prefix, bool cleans) : prefix_(std::move(prefix)), cleans_(cleans) {}

 private:
  std::string one(std::string text, bool is_first, bool) const override {
    if (!is_first) text = text.starts_with(prefix_) ? text.substr(prefix_.size()) : " " + text;
    if (!cleans_) return text;
    constexpr std::pair<std::string_view, std::string_view> kCleanings[] = {
        {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},    {" n't", "n't"},
        {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
    };
    for (const auto& [from, to] : kCleanings) text = replaced(text, from, to);
    return text;
  }
  std::string prefix_;
  bool cleans_;
};

class EndSuffix final : public EachText {
 public:
  explicit EndSuffix(std::string suffix) : suffix_(std::move(suffix)) {}

 private:
  std::string one(std::string text, bool, bool is_last) const override { return replaced(text, suffix_, is_last ? "" : " "); }
  std::string suffix_;
};

class Replace final : public EachText {
 public:
  explicit Replace(Replacement replacement) : replacement_(std::move(replacement)) {}

 private:
  std::string one(std::string text, bool, bool) const override { return replacement_.apply(text, kLongestText); }
  Replacement replacement_;
};

// Up to `start` and `stop` of one character off the ends.
class Strip final : public EachText {
 public:
  Strip(std::string content, uint64_t start, uint64_t stop) : content_(std::move(content)), start_(start), stop_(stop) {}
  std::string apply_inside(std::string text, bool is_fused) const override {
    return is_fused ? text : EachText::apply_inside(std::move(text), false);  // inside there are no ends
  }

 private:
  std::string one(std::string text, bool, bool) const override {
    std::string_view rest = text;
    for (uint64_t i = 0; i < start_ && rest.starts_with(content_); ++i) rest.remove_prefix(content_.size());
    for (uint64_t i = 0; i < stop_ && rest.ends_with(content_); ++i) rest.remove_suffix(content_.size());
    return std::string(rest);
  }
  std::string content_;
  uint64_t start_, stop_;
};

// <0xNN> is that byte; neighbouring ones are one text.
class ByteFallback final : public DecoderStep {
 public:
  Texts apply(Texts texts) const override {
    Texts joined;
    bool was_byte = false;
    for (std::string& text : texts) {
      const int byte = byte_of(text);
      if (byte >= 0 && was_byte)
        joined.back() += static_cast<char>(byte);
      else
        joined.push_back(byte >= 0 ? std::string(1, static_cast<char>(byte)) : std::move(text));
      was_byte = byte >= 0;
    }
    return joined;
  }
  std::string apply_inside(std::string text, bool) const override {
    const int byte = byte_of(text);
    return byte >= 0 ? std::string(1, static_cast<char>(byte)) : text;
  }

 private:
  static int byte_of(std::string_view text) {
    if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return -1;
    const auto digit = [](char c) {
      if (c >= '0' && c <= '9') return c - '0';
      const char lower = static_cast<char>(c | 0x20);
      return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
    };
    const int high = digit(text[3]), low = digit(text[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
  }
};

class Fuse final : public DecoderStep {
 public:
  Texts apply(Texts texts) const override {
    std::string all;
    for (const std::string& text : texts) all += text;
    return {std::move(all)};
  }
  std::string apply_inside(std::string text, bool) const override { return text; }
  bool fuses() const override { return true; }
};

class BlanksBetween final : public EachText {
  std::string one(std::string text, bool is_first, bool) const override { return is_first ? text : " " + text; }
};

using Step = std::unique_ptr<const DecoderStep>;

Result<Step> read_byte_level(Fields& fields) {
  for (const std::string_view key : {"add_prefix_space", "trim_offsets", "use_regex"}) fields.skip(key);  // of the pre-tokenizer
  return Step(std::make_unique<ByteLevel>());
}

Result<Step> read_metaspace(Fields& fields) {
  HB_TRY_ASSIGN(mark, fields.character("replacement"));
  HB_TRY_ASSIGN(prefixes, fields.flag("add_prefix_space", true));
  HB_TRY_ASSIGN(scheme, fields.optional_text("prepend_scheme"));
  fields.skip("split");  // of the pre-tokenizer
  fields.skip("str_rep");
  std::string text;
  append_utf8(text, mark);
  return Step(std::make_unique<Metaspace>(std::move(text), prefixes && scheme != "never"));
}

Result<Step> read_word_piece(Fields& fields) {
  HB_TRY_ASSIGN(prefix, fields.text("prefix"));
  HB_TRY_ASSIGN(cleans, fields.flag("cleanup", true));
  return Step(std::make_unique<WordPiece>(std::move(prefix), cleans));
}

Result<Step> read_bpe(Fields& fields) {
  HB_TRY_ASSIGN(suffix, fields.text("suffix"));
  return Step(std::make_unique<EndSuffix>(std::move(suffix)));
}

Result<Step> read_replace(Fields& fields) {
  HB_TRY_ASSIGN(replacement, Replacement::read(fields));
  return Step(std::make_unique<Replace>(std::move(replacement)));
}

Result<Step> read_strip(Fields& fields) {
  HB_TRY_ASSIGN(content, fields.character("content"));
  HB_TRY_ASSIGN(start, fields.count("start", 0, UINT32_MAX));
  HB_TRY_ASSIGN(stop, fields.count("stop", 0, UINT32_MAX));
  std::string text;
  append_utf8(text, content);
  return Step(std::make_unique<Strip>(std::move(text), start, stop));
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
    {"BPEDecoder", read_bpe},       {"ByteFallback", read_plain<ByteFallback>},
    {"ByteLevel", read_byte_level}, {"Fuse", read_plain<Fuse>},
    {"Metaspace", read_metaspace},  {"Replace", read_replace},
    {"Strip", read_strip},          {"WordPiece", read_word_piece},
};

}  // namespace

Decoder::Decoder() { steps_.push_back(std::make_unique<BlanksBetween>()); }

Result<Decoder> Decoder::read(const Json& value, const std::string& where) {
  Decoder decoder;
  decoder.steps_.clear();
  HB_TRY(decoder.add(value, where));
  return decoder;
}

Result<void> Decoder::add(const Json& value, const std::string& where) {
  HB_TRY_ASSIGN(fields, Fields::of(value, where));
  HB_TRY_ASSIGN(type, fields.text("type"));
  if (type == "Sequence") {
    HB_TRY_ASSIGN(parts, fields.array("decoders"));
    for (size_t i = 0; i < parts->size(); ++i) HB_TRY(add((*parts)[i], fmt::format("{}.decoders[{}]", where, i)));
    return fields.finish();
  }
  for (const Row& row : kTypes) {
    if (row.type != type) continue;
    HB_TRY_ASSIGN(step, row.read(fields));
    HB_TRY(fields.finish());
    if (steps_.size() == kMostSteps) return unsupported("{}: expected at most {} decoders, found more", where, kMostSteps);
    steps_.push_back(std::move(step));
    return {};
  }
  return unsupported("{}: decoder '{}' is not supported", where, escaped(type));
}

std::string Decoder::decode(std::vector<std::string> texts) const {
  for (const auto& step : steps_) texts = step->apply(std::move(texts));
  std::string all;
  for (const std::string& text : texts) all += text;
  return all;
}

std::string Decoder::piece(std::string_view text) const {
  std::string piece(text);
  bool is_fused = false;
  for (const auto& step : steps_) {
    piece = step->apply_inside(std::move(piece), is_fused);
    is_fused = is_fused || step->fuses();
  }
  return piece;
}

}  // namespace halfbyte::tokenizer_json
