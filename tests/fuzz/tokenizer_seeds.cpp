// Writes the corpus tokenizer_fuzz begins with: a small vocabulary of each kind, each pre-tokenizer, and text that is hard to cut.
#include <cstdio>
#include <fstream>
#include <string>

#include "text/pre_tokenizer.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: tokenizer_seeds FOLDER\n");
    return 2;
  }
  const std::string text = "Hello  world, it's 12345!\n\n<|im_end|>\te\u0301\u4e2d\u6587\U0001f468\u200d\U0001f469 caf\u00e9 \xff\xe4\xb8";
  const auto write = [&](const std::string& name, const std::string& seed) {
    std::ofstream(std::string(argv[1]) + "/" + name, std::ios::binary) << seed;
  };
  for (const std::string_view pre : halfbyte::pre_tokenizer_names())
    write("gpt2-" + std::string(pre),
          "gpt2 " + std::string(pre) + "\n1all\n1alo\n1ahe\n3a<|im_end|>\n4a  \n--\nl l\nl o\nh e\n--\n" + text);
  write("llama",
        "llama "
        "default\n2a<unk>\n3a<s>\n3a</s>\n1k\u2581\n1ch\n1de\n1el\n1fo\n1bhe\n1cll\n1d\u2581h\n1ehello\n4a\n6a<0x0A>\n6a<0xFF>\n--\n--\n" +
            text);
  write("bert", "bert\n3a[UNK]\n3a[CLS]\n3a[SEP]\n1a\u2581hello\n1a\u2581wor\n1ald\n1a\u2581cafe\n1a\u2581\u4e2d\n--\n--\n" + text);
  return 0;
}
