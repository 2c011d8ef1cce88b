// Writes the corpus openai_request_fuzz begins with: bodies of both routes with every member that is read.
#include <cstdio>
#include <fstream>
#include <string>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: openai_request_seeds FOLDER\n");
    return 2;
  }
  int number = 0;
  const auto write = [&](char route, const std::string& body) {
    std::ofstream out(std::string(argv[1]) + "/request-" + std::to_string(number++), std::ios::binary);
    out << route << body;
  };
  write(0,
        R"({"model":"tiny","messages":[{"role":"system","content":"a"},{"role":"user","content":[{"type":"text","text":"b"}]},)"
        R"({"role":"assistant","content":null,"reasoning":"c","tool_calls":[{"id":"1","type":"function","function":{"name":"f",)"
        R"("arguments":"{\"x\":1}"}}]},{"role":"tool","name":"f","tool_call_id":"1","content":"d"}],"tools":[{"type":"function",)"
        R"("function":{"name":"f","description":"e","parameters":{"type":"object"}}}],"tool_choice":"auto","parallel_tool_calls":false})");
  write(0, R"({"messages":[{"role":"user","content":"a"}],"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{}}},)"
           R"("logprobs":true,"top_logprobs":20,"n":8,"seed":-1,"stop":["x"],"max_completion_tokens":1,"stream":true,)"
           R"("stream_options":{"include_usage":true},"temperature":0,"top_p":1e0,"logit_bias":{"1":-100},"reasoning_effort":"none"})");
  write(1, R"({"prompt":["a","b"],"max_tokens":16,"logprobs":5,"best_of":2,"min_p":0.5,"top_k":40,"repetition_penalty":1.1,)"
           R"("allowed_token_ids":[1],"cache_salt":"s","min_tokens":1,"ignore_eos":true,"echo":false,"suffix":null})");
  write(1, R"({"prompt":"a","stop":"x","chat_template_kwargs":{"enable_thinking":false},"presence_penalty":-2,"frequency_penalty":2})");
  return 0;
}
