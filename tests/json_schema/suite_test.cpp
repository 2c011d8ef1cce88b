// The official JSON-Schema-Test-Suite, held against what grammars of its schemas accept: json_schema_suite_test SUITE EXCEPTIONS.
// A grammar accepts texts, the suite judges values: a value is accepted when one of its texts is (members in some order). Whatever
// differs or is refused stands in EXCEPTIONS, which has nothing else in it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "base/json_writer.h"
#include "grammar/grammar.h"
#include "text/small_vocabulary.h"

namespace halfbyte {
namespace {

namespace fs = std::filesystem;

struct Draft {
  const char* folder;
  const char* name;
  const char* schema;  // what a schema of its folder need not say
};
constexpr Draft kDrafts[] = {
    {"draft4", "4", "http://json-schema.org/draft-04/schema#"},
    {"draft6", "6", "http://json-schema.org/draft-06/schema#"},
    {"draft7", "7", "http://json-schema.org/draft-07/schema#"},
    {"draft2019-09", "2019-09", "https://json-schema.org/draft/2019-09/schema"},
    {"draft2020-12", "2020-12", "https://json-schema.org/draft/2020-12/schema"},
};

// Where it stands in the suite and what is other there -> the drafts.
using Differences = std::map<std::string, std::set<std::string>>;

std::string slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

const GrammarVocabulary& byte_tokens() {
  static const auto tokenizer = *Tokenizer::open(byte_vocabulary().add("<|im_end|>", 3));
  static const GrammarVocabulary vocabulary = *GrammarVocabulary::open(*tokenizer);
  return vocabulary;
}

std::string string_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    constexpr std::string_view kSpecial = "\"\\\n\r\t\b\f", kEscapes = "\"\\nrtbf";
    if (const size_t at = kSpecial.find(c); at != std::string_view::npos)
      out.append({'\\', kEscapes[at]});
    else
      out += c;
  }
  return out + '"';
}

// The texts of a value, with the members of every object in each order, and whole numbers without a fraction; not more than a thousand.
std::vector<std::string> texts(const Json& json);

std::vector<std::string> joined(const std::vector<std::vector<std::string>>& parts) {
  std::vector<std::string> out = {""};
  for (const auto& part : parts) {
    std::vector<std::string> longer;
    for (const std::string& before : out)
      for (const std::string& text : part)
        if (longer.size() < 1000) longer.push_back(before + (before.empty() ? "" : ",") + text);
    out = std::move(longer);
  }
  return out;
}

std::vector<std::string> texts(const Json& json) {
  if (const std::string* text = json.text()) return {string_text(*text)};
  if (const double* number = std::get_if<double>(&json.value))
    return {std::trunc(*number) == *number && std::abs(*number) < 1e15 ? fmt::format("{}", static_cast<int64_t>(*number))
                                                                       : fmt::format("{}", *number)};
  std::vector<std::string> out;
  if (const Json::Array* items = json.array()) {
    std::vector<std::vector<std::string>> parts;
    for (const Json& item : *items) parts.push_back(texts(item));
    for (const std::string& inside : joined(parts)) out.push_back("[" + inside + "]");
    return out;
  }
  const Json::Object* members = json.object();
  if (members == nullptr) return {JsonWriter().value(json).take()};
  std::vector<size_t> order(members->size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  do {
    std::vector<std::vector<std::string>> parts;
    for (const size_t i : order) {
      parts.emplace_back();
      for (const std::string& text : texts((*members)[i].value)) parts.back().push_back(string_text((*members)[i].key) + ":" + text);
    }
    for (const std::string& inside : joined(parts)) out.push_back("{" + inside + "}");
  } while (out.size() < 1000 && std::ranges::next_permutation(order).found);
  return out;
}

bool accepts(const Grammar& grammar, std::string_view text) {
  GrammarState state = *grammar.begin();
  for (const char c : text) {
    const auto accepted = state.accept(static_cast<unsigned char>(c));  // the tokens are the bytes
    if (!accepted || !*accepted) return false;
  }
  const auto may_end = state.may_end();
  return may_end && *may_end;
}

std::string schema_text(const Json& schema, const Draft& draft) {
  Json whole = schema;
  if (auto* members = std::get_if<Json::Object>(&whole.value); members != nullptr && whole.find("$schema") == nullptr)
    members->insert(members->begin(), {"$schema", Json{std::string(draft.schema)}});
  return JsonWriter().value(whole).take();
}

void run_file(const fs::path& path, const Draft& draft, Differences& differences, int& verdicts) {
  const auto groups = parse_json(slurp(path), path.string(), JsonForm::kPython);
  if (!groups) {
    differences[groups.error().message].insert(draft.name);
    return;
  }
  for (const Json& group : *groups->array()) {
    const std::string where = fmt::format("{} | {}", path.filename().string(), *group.find("description")->text());
    const auto grammar = Grammar::compile({GrammarKind::kJsonSchema, schema_text(*group.find("schema"), draft)}, byte_tokens());
    const Json::Array& tests = *group.find("tests")->array();
    if (!grammar && grammar.error().message.find("allows nothing") != std::string::npos) {
      for (const Json& test : tests)
        if (std::get<bool>(test.find("valid")->value)) differences[where + " | allows nothing"].insert(draft.name);
      verdicts += static_cast<int>(tests.size());
      continue;
    }
    if (!grammar) {
      differences[fmt::format("{} | {}", where, grammar.error().message)].insert(draft.name);
      continue;
    }
    for (const Json& test : tests) {
      ++verdicts;
      const auto spelled = texts(*test.find("data"));
      const bool accepted = std::ranges::any_of(spelled, [&](const std::string& text) { return accepts(**grammar, text); });
      if (accepted != std::get<bool>(test.find("valid")->value))
        differences[fmt::format("{} | {} | {}", where, *test.find("description")->text(), accepted ? "accepted" : "not accepted")].insert(
            draft.name);
    }
  }
}

int run(const fs::path& suite, const fs::path& exceptions) {
  Differences differences;
  int verdicts = 0;
  for (const Draft& draft : kDrafts) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(suite / draft.folder))
      if (entry.path().extension() == ".json") files.push_back(entry.path());
    std::ranges::sort(files);
    for (const fs::path& file : files) run_file(file, draft, differences, verdicts);
  }
  std::set<std::string> found, listed;
  for (const auto& [where, drafts] : differences) found.insert(fmt::format("{} | {}", where, fmt::join(drafts, " ")));
  std::istringstream lines(slurp(exceptions));
  for (std::string line; std::getline(lines, line);)
    if (!line.empty() && !line.starts_with('#')) listed.insert(line);
  int wrong = 0;
  for (const std::string& line : found)
    if (!listed.contains(line)) fmt::print("{}not listed: {}\n", ++wrong == 1 ? "\n" : "", line);
  for (const std::string& line : listed)
    if (!found.contains(line)) fmt::print("{}listed, but not so: {}\n", ++wrong == 1 ? "\n" : "", line);
  fmt::print("{} verdicts, {} exceptions\n", verdicts, listed.size());
  return wrong == 0 && verdicts > 2500 ? 0 : 1;
}

}  // namespace
}  // namespace halfbyte

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: json_schema_suite_test SUITE EXCEPTIONS\n");
    return 2;
  }
  return halfbyte::run(argv[1], argv[2]);
}
