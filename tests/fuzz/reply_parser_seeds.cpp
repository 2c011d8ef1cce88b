// Writes the corpus reply_parser_fuzz begins with: a reply in each syntax, behind the byte that chooses it.
#include <cstdio>
#include <fstream>
#include <string>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: reply_parser_seeds FOLDER\n");
    return 2;
  }
  int number = 0;
  const auto write = [&](char choice, const char* text) {
    std::ofstream out(std::string(argv[1]) + "/reply-" + std::to_string(number++), std::ios::binary);
    out << choice << text;
  };
  write(0, "```json\n[{\"name\": \"f\", \"parameters\": {\"x\": \"a\"}}]\n```");
  write(1,
        "<think>\nhm\n</think>\n\nSo: <tool_call>\n{\"name\": \"f\", \"arguments\": {\"n\": 1}}\n</tool_call> and "
        "<tool_call>broken</tool_call>");
  write(2, "[THINK]x[/THINK][TOOL_CALLS]f[CALL_ID]123456789[ARGS]{\"x\": \"b\"}[TOOL_CALLS][{\"name\": \"f\", \"arguments\": {}}]");
  write(3, "<|python_tag|>{\"name\": \"f\", \"parameters\": {}}; {\"name\": \"f\"}");
  write(4, "<tool_call>\n<function=f>\n<parameter=x>\ntext\n</parameter>\n<parameter=n>None</parameter>\n</function>\n</tool_call>");
  write(5,
        "<\uff5ctool\u2581calls\u2581begin\uff5c><\uff5ctool\u2581call\u2581begin\uff5c>function<\uff5ctool\u2581sep\uff5c>f\n```json\n{}"
        "\n```<\uff5ctool\u2581call\u2581end\uff5c>");
  return 0;
}
