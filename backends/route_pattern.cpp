// Route::matching(): rules by Perl-compatible expressions, with a bound on the work that a prompt can cause.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/errors.h"
#include "halfbyte/backends.h"

namespace halfbyte {

constexpr uint32_t kMostSteps = 1'000'000;  // of backtracking; a prompt that needs more does not match

Result<Route> Route::matching(const std::string& pattern, std::shared_ptr<Backend> backend) {
  int error = 0;
  size_t where = 0;
  pcre2_code* compiled = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                       PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C, &error, &where, nullptr);
  if (compiled == nullptr) {
    unsigned char message[256];
    pcre2_get_error_message(error, message, sizeof message);
    return invalid("pattern '{}': {} at byte {}", escaped(pattern), reinterpret_cast<const char*>(message), where);
  }
  const std::shared_ptr<pcre2_code> code(compiled, pcre2_code_free);
  auto found = [code](const RouteRequest& request) {
    const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> match(
        pcre2_match_data_create_from_pattern(code.get(), nullptr), pcre2_match_data_free);
    const std::unique_ptr<pcre2_match_context, decltype(&pcre2_match_context_free)> limits(pcre2_match_context_create(nullptr),
                                                                                           pcre2_match_context_free);
    pcre2_set_match_limit(limits.get(), kMostSteps);
    return pcre2_match(code.get(), reinterpret_cast<PCRE2_SPTR>(request.prompt.data()), request.prompt.size(), 0, 0, match.get(),
                       limits.get()) >= 0;
  };
  return Route{std::move(backend), std::move(found), fmt::format("prompt matches '{}'", pattern)};
}

}  // namespace halfbyte
