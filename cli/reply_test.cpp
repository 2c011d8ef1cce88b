#include "cli/reply.h"

#include <gtest/gtest.h>

#include "backends/scripted_model.h"
#include "cli/chat.h"
#include "cli/reply_json.h"

namespace halfbyte {
namespace {

// A model that thinks, and was asked.
class ReplyTest : public testing::Test {
 protected:
  ReplyTest() {
    options_.request.sampling.temperature = 0.0F;
    options_.conversation.ask("Well?");
  }
  Question question() {
    auto made = question_of(*engine_, options_, options_.conversation);
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }

  const TinyModelFile file_{scripted_model({"<think>", "hm", "</think>", "Yes", "."}, "{{ messages[0].content }}{# <think></think> #}")};
  const std::shared_ptr<Engine> engine_ = std::make_shared<Engine>(std::move(*Engine::open(file_.path(), {.threads = 2})));
  const InterruptWatch interrupt_;
  ChatOptions options_{.model = "tiny", .conversation = Conversation("")};
};

TEST_F(ReplyTest, WhatTheModelThinksIsNoPartOfItsAnswer) {
  for (const bool shows_thoughts : {true, false}) {
    std::string shown;
    const auto add = [&](std::string_view text) { shown += text; };
    ReplyPrinter printer(shows_thoughts, false, add, add);
    Question asked = question();
    const auto reply = stream_reply(*engine_, std::move(asked.request), std::move(asked.reader), interrupt_, printer);
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->text, "Yes.");
    EXPECT_EQ(shown, shows_thoughts ? "Thinking...\nhm\n...done thinking.\n\nYes." : "Yes.");
  }
}

TEST_F(ReplyTest, RawIsWhatTheModelSaysAsItStands) {
  options_.raw = true;
  std::string shown;
  const auto add = [&](std::string_view text) { shown += text; };
  ReplyPrinter printer(false, false, add, add);
  Question asked = question();
  ASSERT_TRUE(stream_reply(*engine_, std::move(asked.request), std::move(asked.reader), interrupt_, printer));
  EXPECT_EQ(shown, "<think>hm</think>Yes.");
}

TEST_F(ReplyTest, JsonTellsThoughtsUnderTheirOwnName) {
  const Question asked = question();
  const auto told = tell_reply(engine_, asked.request, asked.reader, interrupt_);
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_EQ(told->text, "Yes.");
  EXPECT_TRUE(told->json.starts_with(R"({"choices":[{"text":"Yes.","thinking":"hm")")) << told->json;
}

TEST(Question, ToAModelWithoutATemplateIsATranscript) {
  const TinyModelFile file(scripted_model({"Yes"}, ""));
  const auto engine = Engine::open(file.path(), {.threads = 2});
  ASSERT_TRUE(engine) << engine.error().message;
  ChatOptions options{.model = "tiny", .conversation = Conversation("Be brief.")};
  options.conversation.ask("Well?");
  const auto question = question_of(*engine, options, options.conversation);
  ASSERT_TRUE(question) << question.error().message;
  EXPECT_EQ(question->request.prompt, engine->encode("System: Be brief.\nUser: Well?\nAssistant:", true));
  EXPECT_EQ(question->request.stop, std::vector<std::string>{"\nUser:"});
}

}  // namespace
}  // namespace halfbyte
