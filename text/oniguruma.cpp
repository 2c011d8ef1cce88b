#include "text/oniguruma.h"

#include <oniguruma.h>

#include <algorithm>

#include "base/utf8.h"

namespace halfbyte {
namespace {

constexpr unsigned long kMostRetries = 20000;  // some patterns take exponential time there

const UChar* begin(std::string_view text) { return reinterpret_cast<const UChar*>(text.data()); }
const UChar* end(std::string_view text) { return begin(text) + text.size(); }

void initialize() {
  static const int status = [] {
    OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
    onig_set_retry_limit_in_match(kMostRetries);
    return onig_initialize(encodings, 1);
  }();
  (void)status;
}

}  // namespace

Oniguruma::Oniguruma(std::string_view pattern) {
  initialize();
  OnigRegex regex = nullptr;
  OnigErrorInfo error;
  const int status = onig_new(&regex, begin(pattern), end(pattern), ONIG_OPTION_NONE, ONIG_ENCODING_UTF8, ONIG_SYNTAX_RUBY, &error);
  if (status == ONIG_NORMAL) {
    regex_ = regex;
    return;
  }
  UChar message[ONIG_MAX_ERROR_MESSAGE_LEN];
  const int length = onig_error_code_to_str(message, status, &error);
  refusal_.assign(reinterpret_cast<const char*>(message), static_cast<size_t>(length));
}

Oniguruma::~Oniguruma() {
  if (regex_ != nullptr) onig_free(static_cast<OnigRegex>(regex_));
}

std::optional<std::vector<std::pair<uint32_t, uint32_t>>> Oniguruma::matches(std::string_view text) const {
  std::vector<std::pair<uint32_t, uint32_t>> found;
  for (size_t at = 0; at <= text.size();) {
    const int length = onig_match(static_cast<OnigRegex>(regex_), begin(text), end(text), begin(text) + at, nullptr, ONIG_OPTION_NONE);
    if (length < 0 && length != ONIG_MISMATCH) return std::nullopt;
    const auto first = static_cast<uint32_t>(at), last = first + static_cast<uint32_t>(std::max(length, 0));
    const bool follows = !found.empty() && found.back().second == first;
    if (length > 0 || (length == 0 && !follows)) found.emplace_back(first, last);
    if (length > 0)
      at = last;
    else
      at += at < text.size() ? read_utf8(text, at).bytes : 1;
  }
  return found;
}

}  // namespace halfbyte
