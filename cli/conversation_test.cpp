#include "cli/conversation.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

std::string told(const Conversation& conversation) {
  std::string all;
  for (const Message& message : conversation.messages()) all += message.role + ":" + message.content + " ";
  return all;
}

TEST(Conversation, KeepsTheSystemMessageFirst) {
  Conversation conversation("be brief");
  conversation.ask("a");
  conversation.answer("b");
  conversation.ask("c");
  EXPECT_EQ(told(conversation), "system:be brief user:a assistant:b user:c ");
  conversation.set_system("");
  EXPECT_EQ(told(conversation), "user:a assistant:b user:c ");
}

TEST(Conversation, ForgetsWholeTurnsOldestFirstButNeverTheLastQuestion) {
  Conversation conversation("");
  for (const char* text : {"a", "c"}) {
    conversation.ask(text);
    conversation.answer("ok");
  }
  conversation.ask("e");
  EXPECT_TRUE(conversation.forget_oldest());
  EXPECT_EQ(told(conversation), "user:c assistant:ok user:e ");
  EXPECT_TRUE(conversation.forget_oldest());
  EXPECT_FALSE(conversation.forget_oldest());
  EXPECT_EQ(told(conversation), "user:e ");
}

TEST(Conversation, AQuestionThatFailedCanBeTakenBack) {
  Conversation conversation("");
  conversation.ask("a");
  conversation.take_back_question();
  EXPECT_TRUE(conversation.messages().empty());
}

}  // namespace
}  // namespace halfbyte
