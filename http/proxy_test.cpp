#include "http/proxy.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json_writer.h"

namespace halfbyte {
namespace {

// What Go's http.ProxyFromEnvironment says to the same variables, save where the value is refused and where it would refuse a service of
// this machine to a CGI program; and what the Python client does: tests/python/test_proxy.py.
TEST(Proxy, IsTheOneThatTheContractSays) {
  const auto text = read_text(HALFBYTE_TEST_DATA "/../contract/proxies.json", 1 << 20);
  ASSERT_TRUE(text) << text.error().message;
  const auto cases = parse_json(*text, "proxies.json");
  ASSERT_TRUE(cases) << cases.error().message;
  for (const Json& one : *cases->array()) {
    SCOPED_TRACE(json_text(one));
    const auto proxy = proxy_for(*parse_url(*one.find("url")->text()), [&](const char* name) {
      const Json* set = one.find("environment")->find(name);
      return set != nullptr ? *set->text() : std::string();
    });
    if (const Json* refused = one.find("refused")) {
      ASSERT_FALSE(proxy);
      EXPECT_EQ(proxy.error().code, Code::kInvalid);
      EXPECT_TRUE(proxy.error().message.starts_with(*refused->text())) << proxy.error().message;
      EXPECT_EQ(proxy.error().message.find("s3cret"), std::string::npos);
      continue;
    }
    ASSERT_TRUE(proxy) << proxy.error().message;
    const std::string* expected = one.find("proxy")->text();
    EXPECT_EQ(*proxy ? (*proxy)->shown() : "none", expected != nullptr ? *expected : "none");
    const Json* basic = one.find("authorization");
    EXPECT_EQ(*proxy ? (*proxy)->basic() : "", basic != nullptr ? *basic->text() : "");
  }
}

}  // namespace
}  // namespace halfbyte
