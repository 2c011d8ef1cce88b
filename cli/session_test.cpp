#include "cli/session.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

TEST(Session, ANoteBringsTheConversationBack) {
  Conversation said("be brief");
  said.ask("a \"quoted\"\n");
  said.answer("b");
  Conversation again("");
  ASSERT_TRUE(resume_note(note_of(said), "file", again));
  EXPECT_EQ(note_of(again), note_of(said));
  EXPECT_EQ(again.messages()[1].content, "a \"quoted\"\n");
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
    EXPECT_EQ(note_of(conversation), note_of(Conversation("s")));
  }
}

}  // namespace
}  // namespace halfbyte
