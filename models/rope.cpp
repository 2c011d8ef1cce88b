#include "models/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/errors.h"

namespace halfbyte {
namespace {

// YaRN: the pair whose wave turns `rotations` times within the original context.
double pair_with_rotations(double rotations, const RopeSettings& s) {
  return s.dims * std::log(s.original_context / (rotations * 2 * std::numbers::pi)) / (2 * std::log(s.base));
}

}  // namespace

Result<RopeSettings> read_rope(const Metadata& m, std::string_view architecture, const Dims& dims, Pairing pairing) {
  const auto key = [&](std::string_view name) { return fmt::format("{}.rope.{}", architecture, name); };
  RopeSettings s{.pairing = pairing};
  const auto head_dim = static_cast<uint64_t>(dims.head_dim);
  HB_TRY_ASSIGN(turned, m.unsigned_integer_or(key("dimension_count"), 2, head_dim, head_dim));
  if (turned % 2 != 0) return corrupt("{}: {} is {}, expected an even number", m.path(), key("dimension_count"), turned);
  s.dims = static_cast<int>(turned);
  if (m.contains(key("freq_base"))) {
    HB_TRY_ASSIGN(base, m.positive_float(key("freq_base")));
    s.base = base;
  }
  HB_TRY_ASSIGN(type, m.text_or(key("scaling.type"), "none"));
  if (type == "linear")
    s.scaling = RopeScaling::kLinear;
  else if (type == "yarn")
    s.scaling = RopeScaling::kYarn;
  else if (type != "none")
    return unsupported("{}: {} is '{}', this build knows none, linear, yarn", m.path(), key("scaling.type"), escaped(type));
  if (s.scaling == RopeScaling::kNone) return s;
  HB_TRY_ASSIGN(factor, m.positive_float(key("scaling.factor")));
  s.factor = factor;
  if (s.scaling == RopeScaling::kYarn) {
    HB_TRY_ASSIGN(original,
                  m.unsigned_integer_or(key("scaling.original_context_length"), 1, uint64_t{1} << 30, static_cast<uint64_t>(dims.context)));
    s.original_context = static_cast<double>(original);
    HB_TRY_ASSIGN(attention, m.float_or(key("scaling.attn_factor"), 1.0));
    s.attention_factor = attention;
  }
  return s;
}

Rope make_rope(const RopeSettings& s, const float* factors) {
  Rope rope{.pairing = s.pairing};
  const int pairs = s.dims / 2;
  double low = 0, high = 0;
  if (s.scaling == RopeScaling::kYarn) {
    constexpr double kFast = 32, kSlow = 1;  // rotations above which a pair is kept, below which it is stretched
    low = std::max(std::floor(pair_with_rotations(kFast, s)), 0.0);
    high = std::min(std::ceil(pair_with_rotations(kSlow, s)), s.dims - 1.0);
    rope.magnitude = static_cast<float>(s.attention_factor * (s.factor > 1 ? 0.1 * std::log(s.factor) + 1 : 1));
  }
  for (int i = 0; i < pairs; ++i) {
    double frequency = std::pow(s.base, -2.0 * i / s.dims);
    if (factors != nullptr) frequency /= factors[i];
    if (s.scaling == RopeScaling::kLinear) frequency /= s.factor;
    if (s.scaling == RopeScaling::kYarn) {
      const double stretched = std::clamp((i - low) / std::max(0.001, high - low), 0.0, 1.0);
      frequency = frequency / s.factor * stretched + frequency * (1 - stretched);
    }
    rope.inverse_frequency.push_back(static_cast<float>(frequency));
  }
  return rope;
}

}  // namespace halfbyte
