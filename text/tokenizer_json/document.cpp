#include "text/tokenizer_json/document.h"

#include <algorithm>
#include <unordered_map>

#include "base/errors.h"
#include "text/tokenizer_json/decoder.h"
#include "text/tokenizer_json/fields.h"
#include "text/tokenizer_json/json_codec.h"
#include "text/tokenizer_json/normalizer.h"
#include "text/tokenizer_json/pre_tokenizer.h"
#include "text/tokenizer_json/word_model.h"

namespace halfbyte::tokenizer_json {
namespace {

constexpr size_t kGreatestFile = size_t{256} << 20;  // the largest in use have some 35 MB
constexpr uint64_t kMostTokens = FlatIndex::kMostItems;
constexpr uint64_t kFreeHoles = 65536;  // ids nobody has, beyond as many as tokens

// The rows of the embedding; 0: the metadata does not say.
Result<uint64_t> embedding_rows(const Metadata& metadata) {
  HB_TRY_ASSIGN(architecture, metadata.text_or("general.architecture", ""));
  return metadata.unsigned_integer_or(architecture + ".vocab_size", 1, kMostTokens, 0);
}

bool names_a_byte(std::string_view text) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); };
  return text.size() == 6 && text.starts_with("<0x") && is_digit(text[3]) && is_digit(text[4]) && text[5] == '>';
}

}  // namespace

Result<Document> Document::read(const Metadata& metadata, std::vector<std::string>& warnings) {
  HB_TRY_ASSIGN(text, metadata.text(kKey));
  const std::string where = fmt::format("{}: tokenizer.json", metadata.path());
  if (text.size() > kGreatestFile) return corrupt("{}: expected at most {} bytes, found {}", where, kGreatestFile, text.size());
  HB_TRY_ASSIGN(rows, embedding_rows(metadata));
  HB_TRY_ASSIGN(root, parse_json(text, where, JsonForm::kPython));
  Document document(std::move(root));
  document.where_ = where;
  HB_TRY_ASSIGN(fields, Fields::of(*document.root_, where));
  HB_TRY_ASSIGN(version, fields.text("version"));
  if (version != "1.0") return unsupported("{}: version '{}', this build reads 1.0", where, escaped(version));
  for (const std::string_view key : {"truncation", "padding"})
    if (fields.take(key) != nullptr) warnings.push_back(fmt::format("tokenizer.json: '{}' is not applied: texts keep their length", key));
  const Json* model = fields.take("model");
  if (model == nullptr) return expected(fields.place("model"), "an object", nullptr);
  HB_TRY(document.read_model_vocabulary(*model));
  if (const Json* added = fields.take("added_tokens")) HB_TRY(document.read_added_tokens(*added, rows, warnings));
  HB_TRY(document.place_tokens(rows));
  if (const Json* processor = fields.take("post_processor"))
    HB_TRY_INTO(document.frame_,
                read_post_processor(*processor, fields.place("post_processor"), static_cast<int>(document.lists_.texts.size())));
  for (const std::string_view key : {"normalizer", "pre_tokenizer", "decoder"}) fields.skip(key);  // the codec's
  HB_TRY(fields.finish());
  return document;
}

Result<void> Document::read_model_vocabulary(const Json& model) {
  const std::string place = where_ + ": model";
  HB_TRY_ASSIGN(fields, Fields::of(model, place));
  HB_TRY_ASSIGN(type, fields.optional_text("type"));
  const Json* vocabulary = fields.take("vocab");
  if (vocabulary == nullptr) return expected(fields.place("vocab"), "the tokens", nullptr);
  if (type)
    model_type_ = std::move(*type);
  else  // files older than the member
    model_type_ = vocabulary->array() != nullptr             ? "Unigram"
                  : fields.take("merges") != nullptr         ? "BPE"
                  : fields.take("continuing_subword_prefix") ? "WordPiece"
                                                             : "WordLevel";
  if (model_type_ == "Unigram") {  // [text, score] by id
    const Json::Array* pieces = vocabulary->array();
    if (pieces == nullptr || pieces->empty()) return expected(fields.place("vocab"), "an array of pieces", vocabulary);
    for (size_t i = 0; i < pieces->size(); ++i) {
      const Json::Array* piece = (*pieces)[i].array();
      if (piece == nullptr || piece->size() != 2 || (*piece)[0].text() == nullptr)
        return expected(fmt::format("{}[{}]", fields.place("vocab"), i), "a piece's text and score", &(*pieces)[i]);
      model_entries_.push_back({*(*piece)[0].text(), i});
    }
  } else if (model_type_ == "BPE" || model_type_ == "WordPiece" || model_type_ == "WordLevel") {  // text: id
    const Json::Object* ids = vocabulary->object();
    if (ids == nullptr) return expected(fields.place("vocab"), "an object", vocabulary);
    for (const JsonMember& member : *ids) {
      const auto id = whole_number(member.value);
      if (!id || *id >= kMostTokens)
        return expected(fmt::format("{}['{}']", fields.place("vocab"), escaped(member.key)), fmt::format("an id below {}", kMostTokens),
                        &member.value);
      model_entries_.push_back({member.key, *id});
    }
  } else {
    return unsupported("{}: model '{}' is not supported", place, escaped(model_type_));
  }
  if (model_entries_.size() > kMostTokens)
    return corrupt("{}: expected at most {} tokens, found {}", fields.place("vocab"), kMostTokens, model_entries_.size());
  return {};
}

Result<void> Document::read_added_tokens(const Json& list, uint64_t rows, std::vector<std::string>& warnings) {
  const std::string place = where_ + ": added_tokens";
  if (list.array() == nullptr) return expected(place, "an array", &list);
  size_t dropped = 0;
  for (size_t i = 0; i < list.array()->size(); ++i) {
    HB_TRY_ASSIGN(fields, Fields::of((*list.array())[i], fmt::format("{}[{}]", place, i)));
    AddedToken token;
    HB_TRY_ASSIGN(id, fields.count("id", 0, kMostTokens - 1));
    HB_TRY_ASSIGN(text, fields.text("content"));
    HB_TRY_ASSIGN(is_special, fields.flag("special", false));
    HB_TRY_ASSIGN(is_single_word, fields.flag("single_word", false));
    HB_TRY_ASSIGN(strips_left, fields.flag("lstrip", false));
    HB_TRY_ASSIGN(strips_right, fields.flag("rstrip", false));
    HB_TRY_ASSIGN(is_normalized, fields.flag("normalized", !is_special));
    HB_TRY(fields.finish());
    if (text.size() > AddedTokens::kLongest)
      return unsupported("{}: expected at most {} bytes, found {}", fields.place("content"), AddedTokens::kLongest, text.size());
    if (rows != 0 && id >= rows) {  // the model has no embedding for it
      ++dropped;
      continue;
    }
    added_.push_back({static_cast<Token>(id), std::move(text), is_special, is_single_word, strips_left, strips_right, is_normalized});
  }
  if (dropped != 0)
    warnings.push_back(fmt::format("tokenizer.json: {} added tokens have no embedding (the model has {}); left out", dropped, rows));
  return {};
}

Result<void> Document::place_tokens(uint64_t rows) {
  uint64_t size = 0;
  for (const Entry& entry : model_entries_) size = std::max(size, entry.id + 1);
  if (rows != 0 && size > rows)
    return corrupt("{}: model.vocab: expected ids below {}, the rows of the embedding, found {}", where_, rows, size - 1);
  for (const AddedToken& token : added_) size = std::max(size, static_cast<uint64_t>(token.id) + 1);
  const uint64_t tokens = model_entries_.size() + added_.size();
  if (size == 0 || size > 2 * tokens + kFreeHoles)
    return corrupt("{}: expected ids of about the number of tokens, {}, found {}", where_, tokens,
                   size == 0 ? "none" : std::to_string(size - 1));
  size = std::max(size, rows);

  lists_.texts.resize(size);
  lists_.types.assign(size, TokenType::kUnused);
  is_in_model_.assign(size, false);
  std::unordered_map<std::string_view, uint64_t> ids;
  ids.reserve(tokens);
  const bool has_bytes = model_type_ == "BPE" || model_type_ == "Unigram";
  for (const Entry& entry : model_entries_) {
    if (is_in_model_[entry.id])
      return corrupt("{}: model.vocab: expected one token of id {}, found '{}' and '{}'", where_, entry.id, escaped(lists_.texts[entry.id]),
                     escaped(entry.text));
    if (const auto [other, is_new] = ids.emplace(entry.text, entry.id); !is_new)
      return corrupt("{}: model.vocab: expected '{}' once, found it as {} and {}", where_, escaped(entry.text), other->second, entry.id);
    lists_.texts[entry.id] = entry.text;
    lists_.types[entry.id] = has_bytes && names_a_byte(entry.text) ? TokenType::kByte : TokenType::kNormal;
    is_in_model_[entry.id] = true;
  }
  for (size_t i = 0; i < added_.size(); ++i) {
    const AddedToken& token = added_[i];
    const auto id = static_cast<uint64_t>(token.id);
    const auto wrong = [&](std::string_view what, auto&& found) {
      return corrupt("{}: added_tokens[{}]: '{}' of id {}: expected {}, found {}", where_, i, escaped(token.text), id, what, found);
    };
    if (token.text.empty()) return wrong("a text", "nothing");
    if (const auto [other, is_new] = ids.emplace(token.text, id); !is_new && other->second != id)
      return wrong("the id the text has already", other->second);
    if (lists_.types[id] != TokenType::kUnused && lists_.texts[id] != token.text)
      return wrong("the text the id has already", fmt::format("'{}'", escaped(lists_.texts[id])));
    const bool is_added = lists_.types[id] == TokenType::kControl || lists_.types[id] == TokenType::kUserDefined;
    if (is_added) return wrong("it once", "it again");
    lists_.texts[id] = token.text;
    lists_.types[id] = token.is_special ? TokenType::kControl : TokenType::kUserDefined;
  }
  return {};
}

Result<std::unique_ptr<const Codec>> Document::codec(const Vocabulary& vocabulary) const {
  HB_TRY_ASSIGN(fields, Fields::of(*root_, where_));
  JsonCodec::Parts parts;
  if (const Json* normalizer = fields.take("normalizer"))
    HB_TRY_INTO(parts.normalizer, Normalizer::read(*normalizer, fields.place("normalizer")));
  if (const Json* pre_tokenizer = fields.take("pre_tokenizer"))
    HB_TRY_INTO(parts.pre_tokenizer, PreTokenizer::read(*pre_tokenizer, fields.place("pre_tokenizer")));
  if (const Json* decoder = fields.take("decoder")) HB_TRY_INTO(parts.decoder, Decoder::read(*decoder, fields.place("decoder")));
  HB_TRY_ASSIGN(model, Fields::of(*fields.take("model"), where_ + ": model"));
  model.skip("type");
  const Json* vocab = model.take("vocab");
  ModelTokens tokens(vocabulary, is_in_model_);
  if (model_type_ == "BPE") {
    HB_TRY_INTO(parts.model, open_bpe(model, std::move(tokens), parts.pre_tokenizer.leave_bytes()));
  } else if (model_type_ == "Unigram") {
    HB_TRY_INTO(parts.model, open_unigram(model, std::move(tokens), *vocab->array()));
  } else if (model_type_ == "WordPiece") {
    HB_TRY_INTO(parts.model, open_word_piece(model, std::move(tokens)));
  } else {
    HB_TRY_INTO(parts.model, open_word_level(model, std::move(tokens)));
  }
  HB_TRY(model.finish());
  return std::unique_ptr<const Codec>(std::make_unique<JsonCodec>(vocabulary, added_, std::move(parts)));
}

}  // namespace halfbyte::tokenizer_json
