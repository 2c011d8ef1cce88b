// What follows from the list of a request's numbers and switches (include/halfbyte/reply_fields.h).
#pragma once

#include <string>
#include <type_traits>

#include "base/errors.h"
#include "halfbyte/reply_fields.h"

namespace halfbyte {

template <class Options>
bool is_given(const ReplyField<Options>& field, const Options& options) {
  return std::visit([&](const auto member) { return options.*member != Options{}.*member; }, field.member);
}

// kInvalid names the field, its range and its value.
template <class Options>
Result<void> check_reply_fields(const Options& options) {
  for (const ReplyField<Options>& field : kReplyFields<Options>)
    HB_TRY(std::visit(
        [&](const auto member) -> Result<void> {
          if (!is_given(field, options)) return {};
          const auto& value = options.*member;
          double number = 0;
          if constexpr (std::is_same_v<decltype(value), const std::optional<int>&>)
            number = *value;
          else
            number = static_cast<double>(value);
          if (number >= field.least && number <= field.greatest) return {};  // not-a-number is neither
          return invalid("{}: expected {} to {}, found {}", field.name, field.least, field.greatest, number);
        },
        field.member));
  return {};
}

// Sets `to`'s fields as `from` has them.
template <class To, class From>
void copy_reply_fields(To& to, const From& from) {
  static_assert(std::size(kReplyFields<To>) == std::size(kReplyFields<From>));
  for (size_t i = 0; i < std::size(kReplyFields<To>); ++i)
    std::visit(
        [&](const auto member) {
          using T = std::remove_cvref_t<decltype(to.*member)>;
          to.*member = from.*std::get<T From::*>(kReplyFields<From>[i].member);
        },
        kReplyFields<To>[i].member);
}

}  // namespace halfbyte
