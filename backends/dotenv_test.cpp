#include "backends/dotenv.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/file.h"
#include "base/json.h"

namespace halfbyte {
namespace {

namespace fs = std::filesystem;

std::string from_hex(const std::string& digits) {
  std::string bytes;
  for (size_t at = 0; at < digits.size(); at += 2) bytes += static_cast<char>(std::stoi(digits.substr(at, 2), nullptr, 16));
  return bytes;
}

std::map<std::string, std::string> texts_of(const Json* object) {
  std::map<std::string, std::string> texts;
  if (object != nullptr)
    for (const JsonMember& member : *object->object()) texts[member.key] = *member.value.text();
  return texts;
}

// What python-dotenv reads out of the same files, and the Python client: tests/python/test_dotenv.py.
TEST(Dotenv, HasTheValuesThatTheContractSays) {
  const auto text = read_text(HALFBYTE_TEST_DATA "/../contract/dotenv.json", 1 << 20);
  ASSERT_TRUE(text) << text.error().message;
  const auto cases = parse_json(*text, "dotenv.json");
  ASSERT_TRUE(cases) << cases.error().message;
  for (const Json& one : *cases->array()) {
    const Json* bytes = one.find("bytes");
    const std::string content = bytes != nullptr ? from_hex(*bytes->text()) : *one.find("text")->text();
    SCOPED_TRACE(content);
    const auto environment = texts_of(one.find("environment"));
    const auto values = parse_dotenv(content, [&](const std::string& name) {
      const auto found = environment.find(name);
      return found == environment.end() ? std::nullopt : std::optional(found->second);
    });
    if (const Json* refused = one.find("refused")) {
      ASSERT_FALSE(values);
      EXPECT_EQ(values.error().message, *refused->text());
    } else {
      ASSERT_TRUE(values) << values.error().message;
      EXPECT_EQ(*values, texts_of(one.find("values")));
    }
  }
}

class DotenvFileTest : public testing::Test {
 protected:
  DotenvFileTest() { fs::create_directories(folder_); }
  ~DotenvFileTest() override { fs::remove_all(folder_); }
  fs::path folder_ = fs::temp_directory_path() / ("halfbyte-dotenv-" + std::to_string(::getpid()));
};

TEST_F(DotenvFileTest, WhatIsNotThereIsNoValueAndNoError) {
  std::ofstream(folder_ / ".env") << "EMPTY=\nK=1\n";
  EXPECT_EQ(*dotenv_value(folder_ / ".env", "K"), "1");
  EXPECT_EQ(*dotenv_value(folder_ / ".env", "EMPTY"), std::nullopt);
  EXPECT_EQ(*dotenv_value(folder_ / ".env", "OTHER"), std::nullopt);
  EXPECT_EQ(*dotenv_value(folder_ / "none", "K"), std::nullopt);
  EXPECT_EQ(*dotenv_value(folder_ / ".env" / "K", "K"), std::nullopt);
  EXPECT_EQ(*dotenv_value(folder_, "K"), std::nullopt);  // a virtual environment that is called .env
}

TEST_F(DotenvFileTest, AFileThatCannotBeReadIsNamed) {
  const std::string file = (folder_ / ".env").string();
  std::ofstream(file) << std::string(1'048'577, '#');
  EXPECT_EQ(dotenv_value(file, "K").error().message, file + ": 1048577 bytes, at most 1048576 are read");
  std::ofstream(file) << std::string_view("\xFF\xFEK", 3);
  EXPECT_EQ(dotenv_value(file, "K").error().message, file + ": read as UTF-16, for its byte order mark, and its last character is cut");
  EXPECT_EQ(dotenv_value("/dev/null", "K").error().message, "/dev/null: not a regular file");
}

}  // namespace
}  // namespace halfbyte
