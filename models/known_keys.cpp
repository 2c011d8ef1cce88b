#include "models/known_keys.h"

namespace halfbyte {
namespace {

constexpr KnownKey kDecoder[] = {
    key_read("block_count"), key_read("context_length"), key_read("embedding_length"), key_read("feed_forward_length"),
    key_read("vocab_size"), key_read("attention.head_count"), key_read("attention.head_count_kv"), key_read("attention.key_length"),
    key_read("attention.value_length"), key_read("attention.scale"),
    // Both epsilons may stand in a file; a formula reads its norm's.
    key_read("attention.layer_norm_rms_epsilon"), key_read("attention.layer_norm_epsilon"),
    key_same_as("attention.key_length_swa", "attention.key_length"), key_same_as("attention.value_length_swa", "attention.value_length"),
    // Of embeddings and rankings, which are made from the same hidden states.
    key_harmless("pooling_type"), key_harmless("embedding_length_out"), key_harmless("classifier.output_labels"),
    key_harmless("dense_2_feat_in"), key_harmless("dense_2_feat_out"), key_harmless("dense_3_feat_in"), key_harmless("dense_3_feat_out"),
    // Where rotated rows lie. "Meta AI original pth" is how GGUF's llama has them; other families' rows are never reordered.
    key_only("tensor_data_layout", "reference", "Meta AI original pth"),
    // Scales and caps that other formulas have. 0 is how files say none.
    key_only("logit_scale", 0, 1), key_only("embedding_scale", 0, 1), key_only("residual_scale", 0, 1),
    key_only("attn_logit_softcapping", 0), key_only("final_logit_softcapping", 0), key_only("router_logit_softcapping", 0),
    key_only("attention.max_alibi_bias", 0), key_only("attention.alibi_bias_max", 0), key_only("attention.clamp_kqv", 0),
    key_only("attention.clip_kqv", 0), key_only("attention.causal", 1), key_only("attention.output_scale", 0, 1),
    key_only("attention.value_scale", 0, 1), key_only("attention.temperature_scale", 0), key_only("attention.q_lora_rank", 0),
    key_only("attention.kv_lora_rank", 0), key_only("attention.shared_kv_layers", 0), key_only("attention.sliding_window_pattern", 0),
    key_only("attention.layer_norm_1p", 0), key_only("use_parallel_residual", 0), key_only("swiglu_clamp_exp", 0),
    key_only("swiglu_clamp_shexp", 0), key_only("nextn_predict_layers", 0), key_only("n_deepstack_layers", 0),
    // Layers and experts of another kind.
    key_only("leading_dense_block_count", 0), key_only("full_attention_interval", 0, 1), key_only("moe_every_n_layers", 0, 1),
    key_only("interleave_moe_layer_step", 0, 1), key_only("expert_count", 0), key_only("expert_used_count", 0),
    key_harmless("expert_feed_forward_length"),  // without experts
    key_only("expert_shared_count", 0), key_only("expert_shared_feed_forward_length", 0), key_only("expert_chunk_feed_forward_length", 0),
    key_only("expert_group_count", 0, 1), key_only("expert_group_used_count", 0, 1), key_only("expert_weights_scale", 0, 1),
    key_only("expert_gating_func", 0, 1),  // not said, or softmax
};

constexpr KnownKey kRope[] = {
    key_read("rope.dimension_count"),
    key_read("rope.freq_base"),
    key_read("rope.scale_linear"),
    key_read("rope.scaling.type"),
    key_read("rope.scaling.factor"),
    key_read("rope.scaling.attn_factor"),
    key_read("rope.scaling.original_context_length"),
    key_read("rope.scaling.yarn_ext_factor"),
    key_read("rope.scaling.yarn_attn_factor"),
    key_read("rope.scaling.yarn_beta_fast"),
    key_read("rope.scaling.yarn_beta_slow"),
    key_harmless("rope.scaling.finetuned"),
    key_harmless("rope.dimension_sections"),  // of images; a text's positions are the same in each section
    key_only("rope.scaling.yarn_log_multiplier", 0),
    key_only("rope.scaling.alpha", 0, 1),
    key_only("rope.scale", 0, 1),
    key_same_as("rope.freq_base_swa", "rope.freq_base"),
    key_same_as("rope.dimension_count_swa", "rope.dimension_count"),
};

constexpr KnownKey kLlama[] = {
    key_read("attention.sliding_window"),
    key_only("hidden_activation", "silu", "swish"),
};
constexpr KnownKey kQwen[] = {
    key_only("hidden_activation", "silu", "swish"),
};
constexpr KnownKey kQwen3Moe[] = {
    key_read("expert_count"),
    key_read("expert_used_count"),
    key_read("expert_feed_forward_length"),
    key_read("expert_weights_norm"),
    key_only("hidden_activation", "silu", "swish"),
};
constexpr KnownKey kGemma3[] = {
    key_read("attention.sliding_window"),
    key_read("attention.sliding_window_pattern"),
    key_read("rope.freq_base_swa"),
    key_read("rope.global.freq_base"),
    key_read("rope.local.freq_base"),
    key_only("hidden_activation", "gelu_pytorch_tanh", "gelu"),
    // The images' side, which some files have with the text's.
    key_harmless("vision.*"),
    key_harmless("mm.*"),
};
constexpr KnownKey kGpt2[] = {
    key_only("hidden_activation", "gelu_new", "gelu_pytorch_tanh"),
};

}  // namespace

constinit const std::span<const KnownKey> kDecoderKeys = kDecoder;
constinit const std::span<const KnownKey> kRopeKeys = kRope;
constinit const std::span<const KnownKey> kLlamaKeys = kLlama;
constinit const std::span<const KnownKey> kQwenKeys = kQwen;
constinit const std::span<const KnownKey> kQwen3MoeKeys = kQwen3Moe;
constinit const std::span<const KnownKey> kGemma3Keys = kGemma3;
constinit const std::span<const KnownKey> kGpt2Keys = kGpt2;

}  // namespace halfbyte
