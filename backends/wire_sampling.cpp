#include "backends/wire_sampling.h"

#include "backends/json_members.h"
#include "base/errors.h"
#include "sampling/fields.h"

namespace halfbyte {
namespace {

Json json_of(float value) { return {shortest_double(value)}; }
Json json_of(int value) { return {int64_t{value}}; }
Json json_of(uint64_t value) { return {value}; }

}  // namespace

Result<void> add_sampling(Json::Object& fields, const SamplingOptions& options, std::string_view SamplingField::* name,
                          std::string_view service) {
  for (const SamplingField& field : kSamplingFields) {
    if (!is_given(field, options)) continue;
    if (!(field.*name).empty())
      std::visit([&](const auto& range) { add(fields, std::string(field.*name), json_of(*(options.*range.member))); }, field.range);
    else if (!is_neutral(field, options))
      return unsupported("{}: {} has no such option", field.name, service);
  }
  return {};
}

}  // namespace halfbyte
