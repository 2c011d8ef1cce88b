#include "backends/answer_tokens.h"

#include <functional>
#include <map>

#include "backends/answer.h"
#include "backends/answer_text.h"
#include "base/errors.h"

namespace halfbyte {
namespace {

Result<std::string> bytes_of(const Json& token, const std::string& path) {
  HB_TRY_ASSIGN(text, word_at(token, "token", path));
  HB_TRY_ASSIGN(numbers, list_at(token, "bytes", path));
  if (numbers->empty()) return whole(std::string_view(text));
  std::string bytes;
  for (const Json& number : *numbers) {
    const auto* byte = std::get_if<int64_t>(&number.value);
    if (byte == nullptr || *byte < 0 || *byte > 255)
      return corrupt("{}bytes: expected numbers from 0 to 255, found {}", path, found(number));
    bytes += static_cast<char>(*byte);
  }
  return bytes;
}

Result<double> logprob_at(const Json& object, std::string_view key, const std::string& path) {
  HB_TRY_ASSIGN(number, number_at(object, key, path));
  if (!number) return corrupt("{}{}: expected a number, found null", path, key);
  return *number;
}

Result<ScoredToken> read_token(const Json& token, const std::string& path) {
  if (token.object() == nullptr) return corrupt("{}: expected an object, found {}", path, found(token));
  ScoredToken read;
  HB_TRY_INTO(read.text, bytes_of(token, path + "."));
  HB_TRY_INTO(read.id, count_at(token, "id", path + "."));
  HB_TRY_INTO(read.log_probability, logprob_at(token, "logprob", path + "."));
  return read;
}

}  // namespace

Result<std::vector<ScoredToken>> read_scored_tokens(const Json::Array& tokens, const std::string& path) {
  std::vector<ScoredToken> all;
  for (const Json& token : tokens) {
    const std::string place = fmt::format("{}[{}]", path, all.size());
    HB_TRY_ASSIGN(read, read_token(token, place));
    HB_TRY_ASSIGN(likeliest, list_at(token, "top_logprobs", place + "."));
    for (const Json& other : *likeliest) {
      HB_TRY_ASSIGN(one, read_token(other, fmt::format("{}.top_logprobs[{}]", place, read.likeliest.size())));
      read.likeliest.push_back(std::move(one));
    }
    all.push_back(std::move(read));
  }
  return all;
}

Result<std::vector<ScoredToken>> read_token_lists(const Json& lists, const std::string& path) {
  HB_TRY_ASSIGN(texts, list_at(lists, "tokens", path));
  HB_TRY_ASSIGN(numbers, list_at(lists, "token_logprobs", path));
  HB_TRY_ASSIGN(likeliest, list_at(lists, "top_logprobs", path));
  if (numbers->size() != texts->size() || (!likeliest->empty() && likeliest->size() != texts->size()))
    return corrupt("{}tokens: expected as many log-probabilities as tokens, found {} and {} for {}", path, numbers->size(),
                   likeliest->size(), texts->size());
  std::vector<ScoredToken> all;
  for (size_t i = 0; i < texts->size(); ++i) {
    const Json one{Json::Object{{"token", (*texts)[i]}, {"logprob", (*numbers)[i]}}};
    HB_TRY_ASSIGN(read, read_token(one, fmt::format("{}tokens[{}]", path, i)));
    if (!likeliest->empty() && !is_nothing(&(*likeliest)[i])) {
      const std::string place = fmt::format("{}top_logprobs[{}]", path, i);
      if ((*likeliest)[i].object() == nullptr) return corrupt("{}: expected an object, found {}", place, found((*likeliest)[i]));
      std::multimap<double, ScoredToken, std::greater<>> ranked;  // equals as they came
      for (const JsonMember& other : *(*likeliest)[i].object()) {
        HB_TRY_ASSIGN(number, logprob_at((*likeliest)[i], other.key, place + "."));
        ranked.emplace(number, ScoredToken{.text = whole(std::string_view(other.key)), .log_probability = number});
      }
      for (auto& [number, token] : ranked) read.likeliest.push_back(std::move(token));
    }
    all.push_back(std::move(read));
  }
  return all;
}

}  // namespace halfbyte
