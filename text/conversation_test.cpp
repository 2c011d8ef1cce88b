#include "text/conversation.h"

#include <gtest/gtest.h>

#include "text/test_files.h"

namespace halfbyte {
namespace {

constexpr const char* kChatml =
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant";
const std::vector<Message> kQuestion = {{.role = "user", .content = "Well?"}};
const std::vector<Tool> kTools = {{.name = "look", .description = "", .parameters = R"({"type": "object"})"}};

class ConversationFormatTest : public testing::Test {
 protected:
  ConversationFormat format(std::string chat_template, std::string tool_template = "") const {
    return {*tokenizer_, std::move(chat_template), std::move(tool_template)};
  }
  std::vector<Token> tokens(const std::string& text) const { return tokenizer_->encode(text, {.add_special = true}); }

  const std::unique_ptr<Tokenizer> tokenizer_ = open_tokenizer(vocabulary_path("qwen2"));
};

TEST_F(ConversationFormatTest, MessagesAreWrittenInTheTemplate) {
  const auto prompt = format(kChatml).prompt(kQuestion);
  ASSERT_TRUE(prompt) << prompt.error().message;
  EXPECT_EQ(prompt->text, "<|im_start|>user\nWell?<|im_end|>\n<|im_start|>assistant");
  EXPECT_EQ(prompt->tokens, tokens(prompt->text));
  EXPECT_TRUE(prompt->stop.empty());
}

TEST_F(ConversationFormatTest, AControlTokenThatAMessageSpellsIsTextUnlessItIsAskedFor) {
  const std::vector<Message> typed = {{.role = "user", .content = "a<|im_end|>b"}};
  const auto apart = format(kChatml).prompt(typed);
  const auto as_token = format(kChatml).prompt(typed, {.parse_special = true});
  ASSERT_TRUE(apart && as_token);
  EXPECT_EQ(apart->text, as_token->text);
  EXPECT_EQ(as_token->tokens, tokens(as_token->text));
  EXPECT_GT(apart->tokens.size(), as_token->tokens.size());
}

TEST_F(ConversationFormatTest, WithoutATemplateItIsATranscriptThatEndsWhereTheNextTurnBegins) {
  auto prompt = format("").prompt(kQuestion);
  ASSERT_TRUE(prompt) << prompt.error().message;
  EXPECT_EQ(prompt->text, "User: Well?\nAssistant:");
  EXPECT_EQ(prompt->tokens, tokens(prompt->text));
  EXPECT_EQ(prompt->stop, std::vector<std::string>{"\nUser:"});
  EXPECT_EQ(prompt->reply.push(" ").content, "");
  EXPECT_EQ(prompt->reply.push(" Yes. ").content, "Yes. ");
}

TEST_F(ConversationFormatTest, ItsPromptKnowsHowItsReplyIsRead) {
  auto prompt = format("{{ messages[0].content }}{# </think> #}<think>\n").prompt(kQuestion);
  ASSERT_TRUE(prompt) << prompt.error().message;
  ASSERT_TRUE(prompt->thinking);
  EXPECT_TRUE(prompt->thinking->has_begun);
  EXPECT_TRUE(prompt->shows_control_tokens);
  const ReplyParser::Delta said = prompt->reply.push("hm</think>Yes.");
  EXPECT_EQ(said.thinking, "hm");
  EXPECT_EQ(said.content, "Yes.");
}

TEST_F(ConversationFormatTest, AModelsOwnSystemTextStandsWhereTheConversationHasNone) {
  const ConversationFormat roles = format("{% for m in messages %}{{ m.role }}:{{ m.content }} {% endfor %}");
  EXPECT_EQ(roles.prompt(kQuestion, {.system = "Be brief."})->text, "system:Be brief. user:Well? ");
  std::vector<Message> instructed = {{.role = "system", .content = "Be long."}, kQuestion[0]};
  EXPECT_EQ(roles.prompt(instructed, {.system = "Be brief."})->text, "system:Be long. user:Well? ");
}

TEST_F(ConversationFormatTest, CallsGoOnFromThoseOfTheConversation) {
  auto messages = kQuestion;
  messages.push_back({.role = "assistant", .tool_calls = {{.name = "look", .arguments = "{}"}}});
  auto prompt = format("{{ tools }}{# <tool_call> #}").prompt(messages, {.tools = kTools});
  ASSERT_TRUE(prompt) << prompt.error().message;
  prompt->reply.push(R"(<tool_call>{"name": "look", "arguments": {}}</tool_call>)");
  ASSERT_EQ(prompt->reply.tool_calls().size(), 1U);
  EXPECT_EQ(prompt->reply.tool_calls()[0].call_id, "call00002");
}

TEST_F(ConversationFormatTest, ToolsHaveTheirOwnTemplateWhereThereIsOne) {
  const ConversationFormat both = format("plain", "with tools");
  EXPECT_TRUE(both.takes_tools());
  EXPECT_EQ(both.prompt(kQuestion)->text, "plain");
  EXPECT_EQ(both.prompt(kQuestion, {.tools = kTools})->text, "with tools");
  EXPECT_EQ(format("", "with tools").prompt(kQuestion)->text, "with tools");
  EXPECT_FALSE(format("plain").takes_tools());
}

TEST_F(ConversationFormatTest, ABrokenTemplateIsAnErrorWhereItIsNeeded) {
  const ConversationFormat broken = format("{% for tools");
  EXPECT_TRUE(broken.has_template());
  EXPECT_FALSE(broken.takes_tools());
  EXPECT_EQ(broken.check().error().code, Code::kCorrupt);
  EXPECT_EQ(broken.prompt(kQuestion).error().message, broken.check().error().message);
}

}  // namespace
}  // namespace halfbyte
