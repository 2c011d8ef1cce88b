// Writes the corpus tokenizer_json_fuzz begins with: a small file of each model, and each other section with every type there is.
#include <cstdio>
#include <fstream>
#include <string>

namespace {

constexpr const char* kText = "Hello  world, it's 12345!\n\n<x>\te\u0301\u4e2d\u6587 caf\u00e9 \xff\xe4\xb8";

std::string bpe(const std::string& more) {
  return R"({"version":"1.0","added_tokens":[{"id":5,"content":"<x>","special":true,"lstrip":true},{"id":6,"content":"it","single_word":true}],"model":{"type":"BPE","unk_token":"<unk>","fuse_unk":true,"byte_fallback":true,"ignore_merges":false,"vocab":{"<unk>":0,"l":1,"o":2,"lo":3,"<0xFF>":4},"merges":[["l","o"]]})" +
         more + "}";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: tokenizer_json_seeds FOLDER\n");
    return 2;
  }
  int number = 0;
  const auto write = [&](const std::string& file) {
    std::ofstream out(std::string(argv[1]) + "/tokenizer-" + std::to_string(number++), std::ios::binary);
    out << file << '\0' << kText;
  };
  for (const char* type :
       {R"({"type":"NFKC"})", R"({"type":"Sequence","normalizers":[{"type":"NFD"},{"type":"StripAccents"},{"type":"Nmt"}]})",
        R"({"type":"BertNormalizer","clean_text":true,"lowercase":true})", R"({"type":"Strip","strip_left":true,"strip_right":true})",
        R"({"type":"Replace","pattern":{"Regex":"\\s+|a{2,3}?"},"content":"_"})", R"({"type":"Prepend","prepend":"x"})",
        R"({"type":"Precompiled","precompiled_charsmap":"CAAAAAAEAAAABAAAYQA="})"})
    write(bpe(std::string(R"(,"normalizer":)") + type));
  for (
      const char* type :
      {R"({"type":"ByteLevel"})", R"({"type":"Metaspace","replacement":"_","prepend_scheme":"first"})", R"({"type":"Whitespace"})",
       R"({"type":"Split","pattern":{"Regex":"(?i:'s)|[^\\s\\p{L}&&[^x]]?+\\p{L}+|(?<=l)o(?!\\S)|(?>a|b)*?|\\bz$"},"behavior":"MergedWithNext","invert":true})",
       R"({"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},{"type":"Punctuation","behavior":"Contiguous"},{"type":"CharDelimiterSplit","delimiter":"l"},{"type":"BertPreTokenizer"}]})"})
    write(bpe(std::string(R"(,"pre_tokenizer":)") + type));
  write(bpe(
      R"(,"decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"_"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]})"));
  write(bpe(
      R"(,"decoder":{"type":"WordPiece","prefix":"##","cleanup":true},"post_processor":{"type":"BertProcessing","sep":["o",2],"cls":["l",1]})"));
  write(bpe(
      R"(,"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"l","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{"l":{"id":"l","ids":[1],"tokens":["l"]}}})"));
  write(
      R"({"version":"1.0","model":{"type":"Unigram","unk_id":0,"byte_fallback":true,"vocab":[["<unk>",0],["l",-2.5],["lo",-3],["<0xFF>",-9]]}})");
  write(
      R"({"version":"1.0","model":{"type":"WordPiece","unk_token":"u","continuing_subword_prefix":"##","max_input_chars_per_word":9,"vocab":{"u":0,"l":1,"##o":2}}})");
  write(R"({"version":"1.0","model":{"type":"WordLevel","unk_token":"u","vocab":{"u":0,"Hello":1}}})");
  return 0;
}
