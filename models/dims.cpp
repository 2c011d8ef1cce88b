// Hyper-parameters of a decoder, each with its range. Everything after this trusts them.
#include <cmath>

#include "base/errors.h"
#include "models/formula.h"
#include "models/limits.h"

namespace halfbyte {

Result<Dims> read_dims(const Metadata& m, std::string_view architecture, int vocabulary, std::string_view eps_key) {
  const auto key = [&](std::string_view name) { return fmt::format("{}.{}", architecture, name); };
  HB_TRY_ASSIGN(layers, m.unsigned_integer(key("block_count"), 1, limits::kLayers));
  HB_TRY_ASSIGN(model, m.unsigned_integer(key("embedding_length"), 1, limits::kWidth));
  HB_TRY_ASSIGN(ffn, m.unsigned_integer(key("feed_forward_length"), 1, limits::kWidth));
  HB_TRY_ASSIGN(heads, m.unsigned_integer(key("attention.head_count"), 1, limits::kHeads));
  HB_TRY_ASSIGN(kv_heads, m.unsigned_integer_or(key("attention.head_count_kv"), 1, limits::kHeads, heads));
  HB_TRY_ASSIGN(context, m.unsigned_integer(key("context_length"), 1, limits::kContext));
  HB_TRY_ASSIGN(eps, m.positive_float(key(eps_key)));
  HB_TRY_ASSIGN(window, m.unsigned_integer_or(key("attention.sliding_window"), 0, limits::kContext, 0));
  if (heads % kv_heads != 0)
    return corrupt("{}: {} is {}, not a multiple of {} = {}", m.path(), key("attention.head_count"), heads, key("attention.head_count_kv"),
                   kv_heads);
  HB_TRY_ASSIGN(head_dim, m.unsigned_integer_or(key("attention.key_length"), 1, limits::kWidth, model / heads));
  HB_TRY_ASSIGN(value_dim, m.unsigned_integer_or(key("attention.value_length"), 1, limits::kWidth, head_dim));
  if (head_dim == 0 || (head_dim * heads != model && !m.contains(key("attention.key_length"))))
    return corrupt("{}: {} = {} does not divide {} = {}", m.path(), key("attention.head_count"), heads, key("embedding_length"), model);
  if (value_dim != head_dim)
    return unsupported("{}: keys of {} and values of {} per head; this build needs them equal", m.path(), head_dim, value_dim);
  if (head_dim % 8 != 0 || head_dim > limits::kHeadDim)
    return unsupported("{}: heads of {} dimensions; this build runs multiples of 8 up to {}", m.path(), head_dim, limits::kHeadDim);
  HB_TRY_ASSIGN(scale, m.float_or(key("attention.scale"), 0));  // 0: not said
  if (scale < 0) return corrupt("{}: {} is {}, expected a number above 0", m.path(), key("attention.scale"), scale);
  return Dims{.layers = static_cast<int>(layers),
              .model = static_cast<int>(model),
              .ffn = static_cast<int>(ffn),
              .heads = static_cast<int>(heads),
              .kv_heads = static_cast<int>(kv_heads),
              .head_dim = static_cast<int>(head_dim),
              .vocabulary = vocabulary,
              .context = static_cast<int>(context),
              .window = static_cast<int>(window),
              .eps = static_cast<float>(eps),
              .attention_scale = scale > 0 ? static_cast<float>(scale) : 1 / std::sqrt(static_cast<float>(head_dim))};
}

}  // namespace halfbyte
