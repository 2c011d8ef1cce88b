#include "text/tokenizer_json/post_processor.h"

#include <algorithm>
#include <map>

#include "base/errors.h"
#include "text/tokenizer_json/fields.h"

namespace halfbyte::tokenizer_json {
namespace {

constexpr size_t kMostTokens = 1024;

Result<Token> read_id(const Json& value, std::string_view place, int vocabulary_size) {
  const auto id = whole_number(value);
  if (!id || *id >= static_cast<uint64_t>(vocabulary_size))
    return expected(place, fmt::format("a token below {}", vocabulary_size), &value);
  return static_cast<Token>(*id);
}

// ["[SEP]", 102]
Result<Token> read_pair(Fields& fields, std::string_view key, int vocabulary_size) {
  HB_TRY_ASSIGN(pair, fields.array(key));
  if (pair->size() != 2 || (*pair)[0].text() == nullptr) return corrupt("{}: expected a token's text and id", fields.place(key));
  return read_id((*pair)[1], fields.place(key), vocabulary_size);
}

Result<Frame> read_bert(Fields& fields, int vocabulary_size) {
  HB_TRY_ASSIGN(separator, read_pair(fields, "sep", vocabulary_size));
  HB_TRY_ASSIGN(opening, read_pair(fields, "cls", vocabulary_size));
  fields.skip("trim_offsets");
  fields.skip("add_prefix_space");  // of offsets, too
  return Frame{{opening}, {separator}};
}

using Named = std::map<std::string, std::vector<Token>, std::less<>>;

Result<Named> read_special_tokens(Fields& fields, int vocabulary_size) {
  Named named;
  const Json* tokens = fields.take("special_tokens");
  if (tokens == nullptr || tokens->object() == nullptr) return expected(fields.place("special_tokens"), "an object", tokens);
  for (const JsonMember& member : *tokens->object()) {
    HB_TRY_ASSIGN(token, Fields::of(member.value, fields.place("special_tokens") + "." + escaped(member.key)));
    HB_TRY_ASSIGN(ids, token.array("ids"));
    token.skip("id");      // the key again
    token.skip("tokens");  // the texts of ids
    HB_TRY(token.finish());
    if (ids->size() > kMostTokens) return corrupt("{}: expected at most {} tokens, found {}", token.place("ids"), kMostTokens, ids->size());
    for (const Json& value : *ids) {
      HB_TRY_ASSIGN(id, read_id(value, token.place("ids"), vocabulary_size));
      named[member.key].push_back(id);
    }
  }
  return named;
}

// {"SpecialToken": {"id": "<s>", ...}} and {"Sequence": {"id": "A", ...}}, in order.
Result<Frame> read_template(Fields& fields, int vocabulary_size) {
  HB_TRY_ASSIGN(named, read_special_tokens(fields, vocabulary_size));
  HB_TRY_ASSIGN(single, fields.array("single"));
  fields.skip("pair");
  if (single->size() > kMostTokens)
    return corrupt("{}: expected at most {} parts, found {}", fields.place("single"), kMostTokens, single->size());
  Frame frame;
  bool has_text = false;
  for (size_t i = 0; i < single->size(); ++i) {
    HB_TRY_ASSIGN(part, Fields::of((*single)[i], fmt::format("{}[{}]", fields.place("single"), i)));
    const Json* sequence = part.take("Sequence");
    const Json* special = part.take("SpecialToken");
    HB_TRY(part.finish());
    if ((sequence == nullptr) == (special == nullptr)) return expected(part.where(), "one of Sequence and SpecialToken", nullptr);
    HB_TRY_ASSIGN(inside, Fields::of(sequence != nullptr ? *sequence : *special, part.where()));
    HB_TRY_ASSIGN(id, inside.text("id"));
    inside.skip("type_id");
    HB_TRY(inside.finish());
    if (sequence != nullptr) {
      if (id != "A" || has_text) return unsupported("{}: expected the text A once, found '{}'", part.where(), escaped(id));
      has_text = true;
      continue;
    }
    const auto token = named.find(id);
    if (token == named.end()) return corrupt("{}: expected one of special_tokens, found '{}'", part.where(), escaped(id));
    std::vector<Token>& side = has_text ? frame.after : frame.before;
    side.insert(side.end(), token->second.begin(), token->second.end());
    if (side.size() > kMostTokens) return corrupt("{}: expected at most {} tokens around a text, found more", part.where(), kMostTokens);
  }
  if (!has_text) return corrupt("{}: expected the text A, found tokens only", fields.place("single"));
  return frame;
}

}  // namespace

Result<Frame> read_post_processor(const Json& value, const std::string& where, int vocabulary_size) {
  HB_TRY_ASSIGN(fields, Fields::of(value, where));
  HB_TRY_ASSIGN(type, fields.text("type"));
  Frame frame;
  if (type == "Sequence") {  // each frames what those before it gave
    HB_TRY_ASSIGN(parts, fields.array("processors"));
    for (size_t i = 0; i < parts->size(); ++i) {
      HB_TRY_ASSIGN(outer, read_post_processor((*parts)[i], fmt::format("{}.processors[{}]", where, i), vocabulary_size));
      frame.before.insert(frame.before.begin(), outer.before.begin(), outer.before.end());
      frame.after.insert(frame.after.end(), outer.after.begin(), outer.after.end());
      if (std::max(frame.before.size(), frame.after.size()) > kMostTokens)
        return corrupt("{}: expected at most {} tokens around a text, found more", where, kMostTokens);
    }
  } else if (type == "TemplateProcessing") {
    HB_TRY_INTO(frame, read_template(fields, vocabulary_size));
  } else if (type == "BertProcessing" || type == "RobertaProcessing") {
    HB_TRY_INTO(frame, read_bert(fields, vocabulary_size));
  } else if (type == "ByteLevel") {  // offsets into the text, which we do not give
    for (const std::string_view key : {"add_prefix_space", "trim_offsets", "use_regex"}) fields.skip(key);
  } else {
    return unsupported("{}: post-processor '{}' is not supported", where, escaped(type));
  }
  HB_TRY(fields.finish());
  return frame;
}

}  // namespace halfbyte::tokenizer_json
