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

TEST(Conversation, ForgetsTheOldestAndKeepsTheSystemMessage) {
  Conversation conversation("s");
  conversation.ask("a");
  conversation.answer("ok");
  conversation.ask("c");
  conversation.forget_oldest(2);
  EXPECT_EQ(told(conversation), "system:s user:c ");
}

TEST(Conversation, AQuestionThatFailedCanBeTakenBack) {
  Conversation conversation("");
  conversation.ask("a");
  conversation.take_back_question();
  EXPECT_TRUE(conversation.messages().empty());
}

}  // namespace
}  // namespace halfbyte
