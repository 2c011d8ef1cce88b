#include "backends/reply_options.h"

#include <algorithm>
#include <type_traits>
#include <vector>

#include "base/errors.h"
#include "base/number.h"
#include "sampling/fields.h"
#include "sampling/reply_fields.h"

namespace halfbyte {
namespace {

constexpr int kMostTokens = 1 << 24;

constexpr std::string_view kNone = "none";  // of an option without a value

constexpr ReplyField<Request> kMaxTokens{"max_tokens",
                                         "num_predict",
                                         "max_tokens",
                                         &Request::max_tokens,
                                         -1,
                                         kMostTokens,
                                         "longest reply in tokens; -1: until the context is full"};

std::string with_dashes(std::string_view field) {
  std::string name(field);
  std::ranges::replace(name, '_', '-');
  return name;
}

std::vector<ReplyOption> all_reply_options() {
  std::vector<ReplyOption> all;
  for (const SamplingField& field : kSamplingFields) all.push_back({with_dashes(field.name), field.meaning, &field});
  all.push_back({with_dashes(kMaxTokens.name), kMaxTokens.meaning, &kMaxTokens});
  for (const ReplyField<Request>& field : kReplyFields<Request>) all.push_back({with_dashes(field.name), field.meaning, &field});
  return all;
}

Result<void> set(Request& request, const SamplingField& field, std::string_view value) {
  const auto assign = [&](const auto& range) -> Result<void> {
    HB_TRY_INTO(request.sampling.*range.member, parse_number(value, range.least, range.greatest));
    return {};
  };
  return std::visit(assign, field.range);
}

Result<void> set(Request& request, const ReplyField<Request>& field, std::string_view value) {
  const auto whole = [&] { return parse_number(value, static_cast<int>(field.least), static_cast<int>(field.greatest)); };
  const auto assign = [&](const auto member) -> Result<void> {
    using T = std::remove_cvref_t<decltype(request.*member)>;
    if constexpr (std::is_same_v<T, bool>) {
      if (value != "true" && value != "false") return invalid("'{}' is not known: expected true or false", escaped(value));
      request.*member = value == "true";
    }
    if constexpr (std::is_same_v<T, double>)
      HB_TRY_INTO(request.*member, parse_number(value, static_cast<float>(field.least), static_cast<float>(field.greatest)));
    if constexpr (std::is_same_v<T, int>) HB_TRY_INTO(request.*member, whole());
    if constexpr (std::is_same_v<T, std::optional<int>>) {
      if (value == kNone)
        (request.*member).reset();
      else
        HB_TRY_INTO(request.*member, whole());
    }
    return {};
  };
  return std::visit(assign, field.member);
}

std::string range_text(const SamplingField& field) {
  return std::visit([](const auto& range) { return fmt::format("{} to {}", range.least, range.greatest); }, field.range);
}
std::string range_text(const ReplyField<Request>& field) { return fmt::format("{} to {}", field.least, field.greatest); }

std::string value_text(const ReplyField<Request>& field, const Request& request) {
  return std::visit(
      [&](const auto member) {
        using T = std::remove_cvref_t<decltype(request.*member)>;
        if constexpr (std::is_same_v<T, std::optional<int>>)
          return request.*member ? fmt::format("{}", *(request.*member)) : std::string(kNone);
        else
          return fmt::format("{}", request.*member);
      },
      field.member);
}
std::string value_text(const SamplingField& field, const Request& request) { return value_text(field, request.sampling); }

}  // namespace

std::span<const ReplyOption> reply_options() {
  static const std::vector<ReplyOption> all = all_reply_options();
  return all;
}

std::string value_text(const ReplyOption& option, const Request& request) {
  return std::visit([&](const auto* field) { return value_text(*field, request); }, option.field);
}

std::string range_text(const ReplyOption& option) {
  return std::visit([](const auto* field) { return range_text(*field); }, option.field);
}

Result<void> set_reply_value(Request& request, const ReplyOption& option, std::string_view value) {
  return std::visit([&](const auto* field) { return set(request, *field, value); }, option.field);
}

Result<void> set_reply_option(Request& request, std::string name, std::string_view value) {
  std::ranges::replace(name, '_', '-');
  const auto option = std::ranges::find(reply_options(), name, &ReplyOption::name);
  if (option == reply_options().end()) {
    std::string known;
    for (const ReplyOption& o : reply_options()) known += fmt::format("{}{}", known.empty() ? "" : ", ", o.name);
    return invalid("'{}' is not known: expected one of {}", escaped(name), known);
  }
  if (const auto done = set_reply_value(request, *option, value); !done) return invalid("{}: {}", name, done.error().message);
  return {};
}

}  // namespace halfbyte
