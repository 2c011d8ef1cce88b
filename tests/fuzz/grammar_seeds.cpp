// Writes the corpus grammar_fuzz begins with: some grammars of each kind.
#include <cstdio>
#include <fstream>
#include <string>
#include <utility>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: grammar_seeds FOLDER\n");
    return 2;
  }
  const std::pair<char, const char*> seeds[] = {
      {0, "{}"},
      {1,
       R"({"type": "object", "properties": {"a": {"type": "integer", "minimum": 3}, "b": {"enum": ["x", 1.5, null]}}, "required": ["a"]})"},
      {1, R"({"$ref": "#/$defs/t", "$defs": {"t": {"items": {"$ref": "#/$defs/t"}, "minItems": 1, "maxItems": 3, "type": "array"}}})"},
      {1, R"({"anyOf": [{"type": "string", "format": "date"}, {"pattern": "^a+$"}], "allOf": [{"minLength": 2}], "not": {}})"},
      {1, R"({"oneOf": [{"type": "null"}, {"patternProperties": {"^x": true}, "additionalProperties": false, "type": "object"}]})"},
      {1,
       R"({"$schema": "http://json-schema.org/draft-04/schema#", "id": "http://x/y#", "items": [{"$ref": "#/items/1"}, {"multipleOf": 0.5}]})"},
      {2, "^[a-z]+(\\d{2,3}|x?y*)$"},
      {2, "(?i:ab|\\x{e9})\\u0041[^\\p{L}]"},
      {3, R"(["yes", "no", "y\u00e9"])"},
      {4, "start: \"a\" b+ | /[0-9]+/ c?\nb: \"x\"{2,3}\nc: %json {\"type\": \"boolean\"}\n%ignore / /\n"},
      {4, "start: <|im_end|> T\nT: \"a\"..\"f\" | /b/i\n"},
      {5, "root ::= object # all\nobject ::= \"{\" (pair (\",\" pair)*)? \"}\"\npair ::= [a-z]{1,3} \":\" (object | \"\\x41\" | .)\n"},
      {5, "root ::= ws \"x\" | \"(\" root \")\"\nws ::= ([ \\t\\n] ws)?\n"},
  };
  int number = 0;
  for (const auto& [kind, source] : seeds) {
    std::ofstream out(std::string(argv[1]) + "/grammar-" + std::to_string(number++), std::ios::binary);
    out << kind << source;
  }
  return 0;
}
