#include "cli/chat_command.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

using Kind = ChatCommand::Kind;

TEST(ChatCommand, SetTakesANameAndTheRestOfTheLine) {
  const auto set = parse_chat_command("/set top-p  0.5 ");
  ASSERT_TRUE(set);
  EXPECT_EQ(set->kind, Kind::kSet);
  EXPECT_EQ(set->name, "top-p");
  EXPECT_EQ(set->value, "0.5");
  EXPECT_EQ(parse_chat_command("/set parameter seed 7")->name, "seed");
  EXPECT_EQ(parse_chat_command("/set stop \" a b \"")->value, " a b ");
}

TEST(ChatCommand, TheSystemMessageMayBeSetInTwoWays) {
  for (const char* line : {"/system be brief", "/set system be brief", "/set system \"be brief\""}) {
    const auto command = parse_chat_command(line);
    ASSERT_TRUE(command) << line;
    EXPECT_EQ(command->kind, Kind::kSystem) << line;
    EXPECT_EQ(command->value, "be brief") << line;
  }
  EXPECT_EQ(parse_chat_command("/system")->value, "");
}

TEST(ChatCommand, EveryOtherCommandIsKnown) {
  EXPECT_EQ(parse_chat_command("/help")->kind, Kind::kHelp);
  EXPECT_EQ(parse_chat_command("/?")->kind, Kind::kHelp);
  EXPECT_EQ(parse_chat_command("/clear")->kind, Kind::kClear);
  EXPECT_EQ(parse_chat_command("/bye")->kind, Kind::kBye);
  EXPECT_EQ(parse_chat_command("/show template")->name, "template");
}

TEST(ChatCommand, WhatIsNoCommandIsRefusedByName) {
  EXPECT_EQ(parse_chat_command("/setx 1").error().message, "/setx is no command here; /help lists them");
}

}  // namespace
}  // namespace halfbyte
