#include "server/gate.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

int status(const Gate& gate, const Asker& asker, bool is_preflight = false) {
  const auto refusal = gate.refuse(asker, is_preflight);
  return refusal ? refusal->status : 200;
}

TEST(Gate, NamesOfThisMachineAreKnown) {
  for (const char* host : {"localhost", "LocalHost:8080", "127.0.0.1", "127.0.0.1:80", "127.1.2.3", "[::1]", "[::1]:8080", "app.localhost"})
    EXPECT_TRUE(names_loopback(host)) << host;
  for (const char* host : {"", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "127.evil", "[::2]", "[::1", "0.0.0.0",
                           "10.0.0.1", "localhost:80:80"})
    EXPECT_FALSE(names_loopback(host)) << host;
}

TEST(Gate, ANameThatWasReboundToThisMachineIsRefused) {
  const Gate local{{}};
  EXPECT_EQ(status(local, {.host = "localhost:8080"}), 200);
  EXPECT_EQ(status(local, {.host = "evil.example:8080"}), 403);
  EXPECT_EQ(status(local, {}), 403);
  EXPECT_EQ(status(Gate{{.is_loopback = false, .api_keys = {"k"}}}, {.host = "box.example", .authorization = "Bearer k"}), 200);
}

TEST(Gate, APageFromElsewhereIsRefusedUnlessItIsListed) {
  const Gate gate{{.origins = {"https://App.example"}}};
  EXPECT_EQ(status(gate, {.host = "localhost", .origin = "https://app.example"}), 200);
  EXPECT_EQ(status(gate, {.host = "localhost", .origin = "https://evil.example"}), 403);
  EXPECT_EQ(status(gate, {.host = "localhost", .origin = "null"}), 403);
  EXPECT_EQ(status(gate, {.host = "localhost:8080", .origin = "http://localhost:8080"}), 200);
  EXPECT_EQ(status(gate, {.host = "localhost:8080", .origin = "http://localhost:3000"}), 403);
  EXPECT_EQ(status(Gate{{.origins = {"*"}}}, {.host = "localhost", .origin = "https://any.example"}), 200);
}

TEST(Gate, OneOfTheKeysIsNeededWhereThereAreSome) {
  const Gate gate{{.api_keys = {"first", "second"}}};
  const auto with = [&](std::string_view authorization) { return status(gate, {.host = "localhost", .authorization = authorization}); };
  EXPECT_EQ(with("Bearer first"), 200);
  EXPECT_EQ(with("bearer second"), 200);
  for (const char* wrong : {"", "Bearer", "Bearer ", "Bearer firs", "Bearer first ", "Bearer firstt", "Basic first", "first"})
    EXPECT_EQ(with(wrong), 401) << wrong;
  EXPECT_EQ(status(gate, {.host = "localhost"}, /*is_preflight=*/true), 200);
}

TEST(Gate, EveryKeyIsAPrincipalOfItsOwnAndIsNotShown) {
  const Gate gate{{.api_keys = {"first", "second"}}};
  EXPECT_EQ(gate.principal("Bearer first"), "key 1");
  EXPECT_EQ(gate.principal("Bearer second"), "key 2");
  EXPECT_EQ(Gate{{}}.principal("Bearer first"), "");
}

}  // namespace
}  // namespace halfbyte
