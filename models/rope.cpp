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

// How much YaRN raises the magnitude, because longer contexts spread attention.
double yarn_magnitude(double factor) { return factor > 1 ? 0.1 * std::log(factor) + 1 : 1; }

// 0 says none, as does a file without the key.
Result<double> read_factor(const Metadata& m, const std::string& key, const std::string& older_key) {
  HB_TRY_ASSIGN(older, m.float_or(older_key, 0));
  HB_TRY_ASSIGN(factor, m.float_or(key, older));
  if (factor < 0) return corrupt("{}: {} is {}, expected a factor above 0", m.path(), m.contains(key) ? key : older_key, factor);
  if (older != 0 && older != factor)
    return corrupt("{}: {} is {} and {} is {}, expected one factor", m.path(), key, factor, older_key, older);
  return factor == 0 ? 1 : factor;
}

Result<void> read_yarn(const Metadata& m, const std::string& prefix, const Dims& dims, RopeSettings& s) {
  HB_TRY_ASSIGN(factor, m.positive_float(prefix + "factor"));
  HB_TRY_ASSIGN(original,
                m.unsigned_integer_or(prefix + "original_context_length", 1, uint64_t{1} << 30, static_cast<uint64_t>(dims.context)));
  HB_TRY_ASSIGN(fast, m.float_or(prefix + "yarn_beta_fast", s.fast));
  HB_TRY_ASSIGN(slow, m.float_or(prefix + "yarn_beta_slow", s.slow));
  if (slow <= 0 || fast <= slow)
    return corrupt("{}: {}yarn_beta_fast is {} and yarn_beta_slow {}, expected slow above 0 and fast above slow", m.path(), prefix, fast,
                   slow);
  s.factor = factor;
  s.original_context = static_cast<double>(original);
  s.fast = fast;
  s.slow = slow;
  // Its readers differ: to some it stands instead of the paper's magnitude, to others beside it. At the paper's value they agree.
  const std::string key = prefix + "yarn_attn_factor";
  HB_TRY_ASSIGN(magnitude, m.float_or(key, yarn_magnitude(factor)));
  if (std::abs(magnitude - yarn_magnitude(factor)) > 1e-4)
    return unsupported("{}: {} is {}; this build runs {:.6}, which follows from the factor", m.path(), key, magnitude,
                       yarn_magnitude(factor));
  return {};
}

Result<void> read_scaling(const Metadata& m, std::string_view architecture, const Dims& dims, RopeSettings& s) {
  const std::string prefix = fmt::format("{}.rope.scaling.", architecture);
  HB_TRY_ASSIGN(type, m.text_or(prefix + "type", "linear"));
  HB_TRY_ASSIGN(factor, read_factor(m, prefix + "factor", fmt::format("{}.rope.scale_linear", architecture)));
  if (type == "linear" && factor != 1)
    s.scaling = RopeScaling::kLinear;
  else if (type == "yarn")
    s.scaling = RopeScaling::kYarn;
  else if (type != "none" && type != "linear")
    return unsupported("{}: {}type is '{}', this build knows none, linear, yarn", m.path(), prefix, escaped(type));
  if (s.scaling == RopeScaling::kLinear) s.factor = factor;
  if (s.scaling == RopeScaling::kYarn) HB_TRY(read_yarn(m, prefix, dims, s));
  HB_TRY_INTO(s.attention_factor, m.float_or(prefix + "attn_factor", 1.0));
  // How much of YaRN is mixed in; below 0: as the type says.
  const double usual = s.scaling == RopeScaling::kYarn ? 1 : 0;
  HB_TRY_ASSIGN(mixed, m.float_or(prefix + "yarn_ext_factor", usual));
  if (mixed >= 0 && mixed != usual) return unsupported("{}: {}yarn_ext_factor is {}; this build runs {}", m.path(), prefix, mixed, usual);
  return {};
}

}  // namespace

Result<RopeSettings> read_rope(const Metadata& m, std::string_view architecture, const Dims& dims, Pairing pairing) {
  const auto key = [&](std::string_view name) { return fmt::format("{}.rope.{}", architecture, name); };
  RopeSettings s{.pairing = pairing};
  const auto head_dim = static_cast<uint64_t>(dims.head_dim);
  HB_TRY_ASSIGN(turned, m.unsigned_integer_or(key("dimension_count"), 2, head_dim, head_dim));
  if (turned % 2 != 0) return corrupt("{}: {} is {}, expected an even number", m.path(), key("dimension_count"), turned);
  s.dims = static_cast<int>(turned);
  if (m.contains(key("freq_base"))) HB_TRY_INTO(s.base, m.positive_float(key("freq_base")));
  HB_TRY(read_scaling(m, architecture, dims, s));
  return s;
}

Rope make_rope(const RopeSettings& s, const float* factors) {
  Rope rope{.pairing = s.pairing};
  const int pairs = s.dims / 2;
  double low = 0, high = 0;
  rope.magnitude = static_cast<float>(s.attention_factor * (s.scaling == RopeScaling::kYarn ? yarn_magnitude(s.factor) : 1));
  if (s.scaling == RopeScaling::kYarn) {
    low = std::max(std::floor(pair_with_rotations(s.fast, s)), 0.0);
    high = std::min(std::ceil(pair_with_rotations(s.slow, s)), s.dims - 1.0);
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
