#include "backends/service_address.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/file.h"
#include "base/json.h"

namespace halfbyte {
namespace {

// A variable of the environment for the time of a test.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~Variable() { ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

std::string text_of(const Json& one, std::string_view key) {
  const Json* member = one.find(key);
  return member != nullptr ? *member->text() : "";
}

// What the Python client makes of the same values: tests/python/test_address.py.
TEST(ServiceAddress, OllamaHostNamesThePlaceThatTheContractSays) {
  const auto text = read_text(HALFBYTE_TEST_DATA "/../contract/ollama_host.json", 1 << 20);
  ASSERT_TRUE(text) << text.error().message;
  const auto cases = parse_json(*text, "ollama_host.json");
  ASSERT_TRUE(cases) << cases.error().message;
  for (const Json& one : *cases->array()) {
    const Variable set("OLLAMA_HOST", text_of(one, "value"));
    SCOPED_TRACE(text_of(one, "value"));
    const auto address = ollama_address("");
    if (const std::string refused = text_of(one, "refused"); !refused.empty()) {
      ASSERT_FALSE(address);
      EXPECT_TRUE(address.error().message.starts_with("OLLAMA_HOST: address ")) << address.error().message;
      EXPECT_NE(address.error().message.find(refused), std::string::npos) << address.error().message;
      EXPECT_EQ(address.error().message.find("s3cret"), std::string::npos) << address.error().message;
      continue;
    }
    ASSERT_TRUE(address) << address.error().message;
    EXPECT_EQ(address->at("").shown(), text_of(one, "address"));
    EXPECT_EQ(address->basic(), text_of(one, "authorization"));
  }
}

TEST(ServiceAddress, AnOptionComesBeforeTheVariable) {
  const Variable ollama("OLLAMA_HOST", "elsewhere:1"), openai("OPENAI_BASE_URL", " http://elsewhere:2/v1\n");
  EXPECT_EQ(ollama_address("http://here")->shown(), "http://here");
  EXPECT_EQ(ollama_address("")->shown(), "http://elsewhere:1");
  EXPECT_EQ(openai_address("http://here")->shown(), "http://here");
  EXPECT_EQ(openai_address("")->shown(), "http://elsewhere:2/v1");
  const Variable blank("OPENAI_BASE_URL", " ");
  EXPECT_EQ(openai_address("")->shown(), kOpenAIUrl);
  const Variable wrong("OPENAI_BASE_URL", "elsewhere");
  EXPECT_EQ(openai_address("").error().message,
            "OPENAI_BASE_URL: address 'elsewhere': neither http nor https; expected http://HOST[:PORT][/PATH] or https://...");
}

TEST(ServiceAddress, AKeyIsTheGivenOneElseThatOfTheEnvironment) {
  const auto sent = [](const std::string& url, const std::optional<std::string>& given) {
    const auto headers = key_header(*parse_url(url), given, "OLLAMA_API_KEY", {});
    return !headers ? headers.error().message : headers->empty() ? "none" : headers->front().name + ": " + headers->front().value;
  };
  EXPECT_EQ(sent("http://h", {}), "none");
  EXPECT_EQ(sent("http://h", "given"), "Authorization: Bearer given");
  const Variable key("OLLAMA_API_KEY", " of-environment\n");
  EXPECT_EQ(sent("http://h", {}), "Authorization: Bearer of-environment");
  EXPECT_EQ(sent("http://h", "given"), "Authorization: Bearer given");
  EXPECT_EQ(sent("http://joe:s3cret@h", {}), "none");
  EXPECT_EQ(sent("http://h", "k\r\nX: 1"), "the API key (OLLAMA_API_KEY) contains characters that no key has");
}

}  // namespace
}  // namespace halfbyte
