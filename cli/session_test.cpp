#include "cli/session.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

std::string told(const Conversation& conversation) {
  std::string all;
  for (const Message& message : conversation.messages()) all += message.role + ":" + message.content + " ";
  return all;
}

TEST(Session, ANoteBringsTheConversationBack) {
  Conversation said("be brief");
  said.ask("a \"quoted\"\n");
  said.answer("b");
  Conversation again("");
  ASSERT_TRUE(resume_note(note_of(said), "file", again));
  EXPECT_EQ(told(again), told(said));
  Conversation other("be long");
  ASSERT_TRUE(resume_note(note_of(said), "file", other));
  EXPECT_EQ(other.system(), "be long") << "what is asked for now";
}

TEST(Session, WhatIsNoConversationIsRefusedAndChangesNothing) {
  for (const char* note : {"", "{}", R"({"messages":1})", R"({"messages":[1]})", R"({"messages":[{"role":"user"}]})",
                           R"({"messages":[{"role":"user","content":"a"}]})", R"({"messages":[{"role":"assistant","content":"a"}]})",
                           R"({"messages":[{"role":"user","content":"a"},{"role":"user","content":"a"}]})",
                           R"({"messages":[{"role":"user","content":"a"},{"role":"system","content":"a"}]})"}) {
    Conversation conversation("s");
    const auto resumed = resume_note(note, "file", conversation);
    ASSERT_FALSE(resumed) << note;
    EXPECT_EQ(resumed.error().code, Code::kCorrupt);
    EXPECT_TRUE(resumed.error().message.starts_with("file")) << resumed.error().message;
    EXPECT_EQ(told(conversation), "system:s ");
  }
}

}  // namespace
}  // namespace halfbyte
