// Writes the corpus event_stream_fuzz begins with: streams and answers of each dialect, right and wrong.
#include <cstdio>
#include <fstream>
#include <string>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: event_stream_seeds FOLDER\n");
    return 2;
  }
  int number = 0;
  const auto write = [&](char dialect, const std::string& bytes) {
    std::ofstream out(std::string(argv[1]) + "/stream-" + std::to_string(number++), std::ios::binary);
    out << dialect << '\3' << "\5\1\11" << bytes;
  };
  const std::string mark = "\xEF\xBB\xBF";
  for (const char* bytes : {"{\"response\":\"Gr\xC3\xBC\xC3\x9F\",\"thinking\":\"hm\"}\r\n\r\n{\"response\":\"\\ud83d\"}\r{\"response\":"
                            "\"\\ude00\",\"done\":true}",
                            "{\"response\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"refusal\",\"refusal\":\"b\"}],\"done_reason\":"
                            "\"stop\",\"eval_count\":\"5\",\"total_duration\":1e9}\n",
                            "{\n \"error\": {\"message\": \"no memory\"}\n}\n", "<html>\xff\xfe</html>", "{\"response\":\"a\"}\n{\"resp"})
    write(0, bytes);
  write(1, mark + R"({"message":{"content":"a","tool_calls":[{"id":1,"function":{"name":"f","arguments":"{\"x\": \"\\ud83d\"}"}}]}})" +
               "\n" + R"({"message":{"content":null},"done":true,"prompt_eval_count":-1,"logprobs":[NaN,-Infinity]})" + "\n");
  write(2, "data: {\"choices\":[{\"index\":0,\"text\":\"a\",\"reasoning\":\"hm\"}]}\n\ndata: [DONE]\n\n");
  write(3, mark + ": comment\n\nevent: message\nid: 1\nretry: 5\ndata: {\"choices\":[{\"delta\":\ndata: {\"content\":\"x\\ud83d\"}}]}\n\n" +
               "data: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"h\"}]}]}}],"
               "\"usage\":{\"prompt_tokens\":4.0}}\r\n\r\ndata: {\"choices\":[{\"delta\":{\"reasoning_content\":\"\",\"refusal\":\"no\"},"
               "\"finish_reason\":\"stop\"}],\"model\":\"m\"}");
  write(
      3,
      R"(data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\""}}]}}]})"
      "\n\n"
      R"(data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":": 1}"}},{"function":{"name":"g","arguments":{}}}]}}]})"
      "\n\ndata: [DONE]");
  write(3, "event: error\ndata: {\"message\":\"no\"}\n\n");
  write(3, "{\"choices\":[{\"message\":{\"content\":\"a\",\"tool_calls\":[]},\"finish_reason\":\"stop\"}],\"usage\":null}\n");
  write(3, "data: {\"object\":\"error\",\"message\":\"no\"}\n\n");
  return 0;
}
