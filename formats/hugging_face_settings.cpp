#include "formats/hugging_face_settings.h"

namespace halfbyte {
namespace {

constexpr KnownKey kConfig[] = {
    key_read("model_type"),
    key_read("vocab_size"),
    key_read("tie_word_embeddings"),
    key_read("bos_token_id"),
    key_read("eos_token_id"),
    key_read("attention_bias"),
    key_read("mlp_bias"),
    key_read("rope_parameters.*"),
    key_read("rope_scaling.*"),
    key_read("rope_theta"),
    key_read("layer_types"),
    key_never("rope_parameters"),  // of another type than an object
    key_never("rope_scaling"),
    key_never("quantization_config"),
    key_never("quantization.*"),  // MLX's
    // Settings of other formulas.
    key_only("partial_rotary_factor", 1),
    key_only("rotary_pct", 1),
    key_only("use_bidirectional_attention", 0),
    key_only("use_parallel_residual", 0),
    key_only("parallel_attn", 0),
    key_only("alibi", 0),
    key_only("is_encoder_decoder", 0),
    key_only("add_cross_attention", 0),
    key_only("attn_logit_softcapping", 0),
    key_only("final_logit_softcapping", 0),
    key_only("attention_multiplier", 0),
    key_only("attn_scale", 0),
    key_only("logits_scaling", 0, 1),
    key_only("logit_scale", 0, 1),
    key_only("residual_multiplier", 0, 1),
    key_only("embedding_multiplier", 0, 1),
    key_only("scale_emb", 0, 1),
    key_only("clip_qkv", 0),
    key_only("use_qk_norm", 0),
    key_only("qk_layernorm", 0),
    key_only("use_mrope", 0),
    key_only("no_rope_layers", 1),
    key_only("num_nextn_predict_layers", 0),
    key_only("num_experts", 0, 1),
    key_only("num_local_experts", 0, 1),
    key_only("n_routed_experts", 0),
    key_only("n_shared_experts", 0),
    key_only("shared_expert_intermediate_size", 0),
    // Of training, of other tasks and of other programs.
    key_harmless("_name_or_path"),
    key_harmless("name_or_path"),
    key_harmless("_commit_hash"),
    key_harmless("_attn_implementation"),
    key_harmless("_attn_implementation_autoset"),
    key_harmless("_attn_implementation_internal"),
    key_harmless("attn_implementation"),
    key_harmless("architectures"),
    key_harmless("attention_dropout"),
    key_harmless("attn_pdrop"),
    key_harmless("cache_implementation"),
    key_harmless("chunk_size_feed_forward"),
    key_harmless("classifier_dropout"),
    key_harmless("cls_token_id"),
    key_harmless("decoder_start_token_id"),
    key_harmless("dtype"),
    key_harmless("embd_pdrop"),
    key_harmless("experts_implementation"),
    key_harmless("finetuning_task"),
    key_harmless("gradient_checkpointing"),
    key_harmless("hidden_dropout"),
    key_harmless("id2label.*"),
    key_harmless("initializer_factor"),
    key_harmless("initializer_range"),
    key_harmless("is_decoder"),
    key_harmless("label2id.*"),
    key_harmless("max_sequence_length"),
    key_harmless("num_labels"),
    key_harmless("output_attentions"),
    key_harmless("output_hidden_states"),
    key_harmless("output_router_logits"),
    key_harmless("pad_token_id"),
    key_harmless("prefix"),
    key_harmless("pretraining_tp"),
    key_harmless("problem_type"),
    key_harmless("resid_pdrop"),
    key_harmless("return_dict"),
    key_harmless("router_aux_loss_coef"),
    key_harmless("sep_token_id"),
    key_harmless("task_specific_params.*"),
    key_harmless("tf_legacy_loss"),
    key_harmless("tokenizer_class"),
    key_harmless("torch_dtype"),
    key_harmless("torchscript"),
    key_harmless("transformers.js_config.*"),
    key_harmless("transformers_version"),
    key_harmless("unk_token_id"),
    key_harmless("unsloth_fixed"),
    key_harmless("unsloth_version"),
    key_harmless("use_bfloat16"),
    key_harmless("use_cache"),
};

constexpr KnownKey kDecoder[] = {
    key_read("hidden_act"),          key_read("hidden_size"),         key_read("intermediate_size"),  key_read("num_hidden_layers"),
    key_read("num_attention_heads"), key_read("num_key_value_heads"), key_read("head_dim"),           key_read("max_position_embeddings"),
    key_read("rms_norm_eps"),        key_read("sliding_window"),      key_read("use_sliding_window"), key_read("max_window_layers"),
};
constexpr KnownKey kQwen3Moe[] = {
    key_read("num_experts"),    key_read("num_local_experts"),   key_read("num_experts_per_tok"), key_read("moe_intermediate_size"),
    key_read("norm_topk_prob"), key_read("decoder_sparse_step"), key_read("mlp_only_layers"),
};
constexpr KnownKey kGemma3[] = {
    key_read("hidden_activation"),    key_read("query_pre_attn_scalar"),       key_read("sliding_window_pattern"),
    key_read("rope_local_base_freq"), key_harmless("_sliding_window_pattern"),
};
constexpr KnownKey kGpt2[] = {
    key_read("activation_function"),
    key_read("n_positions"),
    key_read("n_embd"),
    key_read("n_layer"),
    key_read("n_head"),
    key_read("n_inner"),
    key_read("layer_norm_epsilon"),
    key_only("scale_attn_weights", 1),
    key_only("scale_attn_by_inverse_layer_idx", 0),
    key_harmless("n_ctx"),
    key_harmless("reorder_and_upcast_attn"),
    key_harmless("summary_activation"),
    key_harmless("summary_first_dropout"),
    key_harmless("summary_proj_to_labels"),
    key_harmless("summary_type"),
    key_harmless("summary_use_proj"),
};

// Its defaults of sampling are a user's to choose; those it names are said.
constexpr KnownKey kGeneration[] = {
    key_read("bos_token_id"),
    key_read("eos_token_id"),
    key_harmless("_from_model_config"),
    key_harmless("cache_implementation"),
    key_harmless("decoder_start_token_id"),
    key_harmless("max_length"),
    key_harmless("max_new_tokens"),
    key_harmless("output_attentions"),
    key_harmless("output_hidden_states"),
    key_harmless("output_logits"),
    key_harmless("output_scores"),
    key_harmless("pad_token_id"),
    key_harmless("return_dict_in_generate"),
    key_harmless("transformers_version"),
    key_harmless("trust_remote_code"),
    key_harmless("use_cache"),
};

}  // namespace

constinit const std::span<const KnownKey> kConfigSettings = kConfig;
constinit const std::span<const KnownKey> kDecoderSettings = kDecoder;
constinit const std::span<const KnownKey> kQwen3MoeSettings = kQwen3Moe;
constinit const std::span<const KnownKey> kGemma3Settings = kGemma3;
constinit const std::span<const KnownKey> kGpt2Settings = kGpt2;
constinit const std::span<const KnownKey> kGenerationSettings = kGeneration;

}  // namespace halfbyte
