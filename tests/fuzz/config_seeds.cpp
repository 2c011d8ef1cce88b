// Writes the corpus config_fuzz begins with: a directory of each family, with the settings that readers look at.
#include <cstdio>
#include <fstream>
#include <string>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: config_seeds FOLDER\n");
    return 2;
  }
  int number = 0;
  const auto write = [&](const std::string& config, const std::string& generation, const std::string& tokenizer, const std::string& map) {
    std::ofstream out(std::string(argv[1]) + "/config-" + std::to_string(number++), std::ios::binary);
    out << config << '\0' << generation << '\0' << tokenizer << '\0' << map;
  };
  const auto decoder = [](const std::string& type, const std::string& more) {
    return R"({"model_type":")" + type +
           R"(","vocab_size":32,"hidden_size":16,"intermediate_size":24,"num_hidden_layers":2,"num_attention_heads":2,"num_key_value_heads":1,"max_position_embeddings":64,"rms_norm_eps":1e-6,"tie_word_embeddings":true,"bos_token_id":1,"eos_token_id":[2,3])" +
           more + "}";
  };
  const std::string generation = R"({"bos_token_id":1,"eos_token_id":[2,4],"temperature":0.6,"top_k":20,"_from_model_config":true})";
  const std::string tokenizer =
      R"({"add_bos_token":true,"add_eos_token":0,"bos_token":{"content":"<s>"},"eos_token":"</s>","chat_template":[{"name":"default","template":"{{ bos_token }}"},{"name":"tool_use","template":"x"}],"model_max_length":1000000000000000019884624838656})";
  const std::string map = R"({"bos_token":"<a>","eos_token":null})";
  write(
      decoder(
          "llama",
          R"(,"rope_scaling":{"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":32},"attention_bias":true,"hidden_act":"silu")"),
      generation, tokenizer, map);
  write(
      decoder(
          "llama",
          R"(,"rope_theta":1e4,"rope_scaling":{"type":"yarn","factor":2.0,"beta_fast":32,"beta_slow":1,"attention_factor":1.1},"time_step_limit":[0.0,Infinity])"),
      generation, "", map);
  write(decoder("mistral", R"(,"sliding_window":8,"rope_parameters":{"rope_type":"linear","factor":2,"rope_theta":10000.0})"), "",
        tokenizer, "");
  write(
      decoder("qwen2",
              R"(,"use_sliding_window":false,"max_window_layers":1,"sliding_window":16,"layer_types":["full_attention","full_attention"])"),
      generation, tokenizer, "");
  write(decoder("qwen3", R"(,"head_dim":8,"sliding_window":null,"partial_rotary_factor":1.0,"attention_multiplier":NaN)"), generation,
        tokenizer, map);
  write(
      decoder(
          "qwen3_moe",
          R"(,"num_experts":4,"num_experts_per_tok":2,"moe_intermediate_size":8,"norm_topk_prob":true,"decoder_sparse_step":1,"mlp_only_layers":[])"),
      generation, tokenizer, map);
  write(
      decoder(
          "gemma3_text",
          R"(,"query_pre_attn_scalar":16,"sliding_window":8,"sliding_window_pattern":6,"rope_parameters":{"full_attention":{"rope_theta":1e6},"sliding_attention":{"rope_theta":1e4,"rope_type":"default"}})"),
      generation, tokenizer, map);
  write(R"({"model_type":"gemma3","text_config":{"hidden_size":16,"intermediate_size":24,"num_hidden_layers":2},"eos_token_id":[1,106]})",
        generation, tokenizer, map);
  write(
      R"({"model_type":"gpt2","vocab_size":32,"n_positions":64,"n_embd":16,"n_layer":2,"n_head":2,"n_inner":null,"layer_norm_epsilon":1e-5,"activation_function":"gelu_new","task_specific_params":{"text-generation":{"max_length":50}}})",
      "", "{}", "{}");
  write(R"({"model_type":"llama","quantization_config":{"quant_method":"gptq"}})", "", "", "");
  return 0;
}
