#include "http/url.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"

namespace halfbyte {
namespace {

std::string text_of(const Json& one, std::string_view key) {
  const Json* member = one.find(key);
  return member != nullptr ? *member->text() : "";
}

// What the Python client reads out of the same addresses: tests/python/test_address.py.
TEST(Url, HasThePartsThatTheContractSays) {
  const auto text = read_text(HALFBYTE_TEST_DATA "/../contract/addresses.json", 1 << 20);
  ASSERT_TRUE(text) << text.error().message;
  const auto cases = parse_json(*text, "addresses.json");
  ASSERT_TRUE(cases) << cases.error().message;
  ASSERT_NE(cases->array(), nullptr);
  for (const Json& one : *cases->array()) {
    const std::string address = text_of(one, "address"), refused = text_of(one, "refused");
    SCOPED_TRACE(address);
    const auto url = parse_url(address);
    if (!refused.empty()) {
      ASSERT_FALSE(url);
      EXPECT_EQ(url.error().code, Code::kInvalid);
      EXPECT_NE(url.error().message.find(refused), std::string::npos) << url.error().message;
      EXPECT_NE(url.error().message.find("expected http://HOST"), std::string::npos);
      for (const char* part : {"s3", "cret"}) EXPECT_EQ(url.error().message.find(part), std::string::npos) << url.error().message;
      continue;
    }
    ASSERT_TRUE(url) << url.error().message;
    EXPECT_EQ(url->host, text_of(one, "host"));
    EXPECT_EQ(url->port, std::to_string(std::get<int64_t>(one.find("port")->value)));
    EXPECT_EQ(url->at("/r").target(), text_of(one, "target"));
    EXPECT_EQ(url->at("").shown(), text_of(one, "shown"));
    EXPECT_EQ(url->authority(), text_of(one, "field"));
    EXPECT_EQ(url->basic(), text_of(one, "authorization"));
  }
}

}  // namespace
}  // namespace halfbyte
