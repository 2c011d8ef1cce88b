#include "http/url.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

TEST(Url, HasTheSchemesPortUnlessAnotherIsGiven) {
  const auto plain = parse_url("http://localhost"), secure = parse_url("https://api.example/v1?x=1"),
             other = parse_url("http://h:11434/api");
  ASSERT_TRUE(plain && secure && other);
  EXPECT_EQ(plain->port, "80");
  EXPECT_EQ(plain->target, "/");
  EXPECT_EQ(plain->authority(), "localhost");
  EXPECT_TRUE(secure->is_secure);
  EXPECT_EQ(secure->port, "443");
  EXPECT_EQ(secure->target, "/v1?x=1");
  EXPECT_EQ(other->authority(), "h:11434");
  EXPECT_EQ(other->target, "/api");
}

TEST(Url, TakesAnIpv6AddressInBrackets) {
  const auto url = parse_url("http://[::1]:8080/x");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->authority(), "[::1]:8080");
}

TEST(Url, RefusesWhatIsNoAddressOfAServer) {
  for (const char* text :
       {"", "localhost:11434", "ftp://h/", "http://", "http:///x", "http://h:0/", "http://h:65536/", "http://h:/", "http://h:80x/",
        "http://[::1/", "http://[::1]x/", "http://user:secret@h/", "http://h/a b", "http://h/a\r\nX: 1", "http://h/#part"}) {
    const auto url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, Code::kInvalid);
    EXPECT_NE(url.error().message.find("expected http://HOST"), std::string::npos);
  }
}

}  // namespace
}  // namespace halfbyte
