#include "server/openai_answer.h"

#include <gtest/gtest.h>

#include "backends/openai_reply.h"
#include "base/errors.h"

namespace halfbyte::openai {
namespace {

const Head kHead{.id = "chatcmpl-1", .model = "tiny", .created = 7};

ReplyChoice full_reply() {
  return {.text = "Gr\xC3\xBC\xC3\x9F",
          .thinking = "hm",
          .tool_calls = {{"weather", R"({"city":"Ulm"})", "call_1"}, {"time", "{}", "call_2"}},
          .finish_reason = "end",
          .tokens = {{.text = "Gr\xC3", .log_probability = -0.5, .likeliest = {{.text = "Gr\xC3", .log_probability = -0.5}}},
                     {.text = "\xBC\xC3\x9F", .log_probability = -1}}};
}

Usage usage() {
  Usage all;
  all.add(4, 2, {{"cached_tokens", "3"}});
  return all;
}

TEST(OpenAIAnswer, AChatsBodyIsTheOriginals) {
  const std::vector<ReplyChoice> choices{{.text = "A", .finish_reason = "length"}};
  EXPECT_EQ(chat_body(kHead, choices, false, usage()),
            R"({"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"tiny","choices":[{"index":0,"message":{"role":)"
            R"("assistant","content":"A","refusal":null},"logprobs":null,"finish_reason":"length"}],"usage":{"prompt_tokens":4,)"
            R"("completion_tokens":2,"total_tokens":6,"prompt_tokens_details":{"cached_tokens":3}}})");
}

TEST(OpenAIAnswer, ACompletionsBodyIsTheOriginals) {
  const std::vector<ReplyChoice> choices{
      {.text = "A\xC3\xBC"
               "b",
       .finish_reason = "stop",
       .tokens = {{.text = "A\xC3",
                   .log_probability = -1,
                   .likeliest = {{.text = "\xC3", .log_probability = -2}, {.text = "\xC4", .log_probability = -3}}},
                  {.text = "\xBC"
                           "b",
                   .log_probability = -2}}}};
  EXPECT_EQ(
      completion_body(kHead, choices, true, {}),
      "{\"id\":\"chatcmpl-1\",\"object\":\"text_completion\",\"created\":7,\"model\":\"tiny\",\"choices\":[{\"index\":0,\"text\":"
      "\"A\xC3\xBC"
      "b\",\"logprobs\":{\"tokens\":[\"A\xEF\xBF\xBD\",\"\xEF\xBF\xBD"
      "b\"],\"token_logprobs\":[-1,-2],\"top_logprobs\":[{\"\xEF\xBF\xBD\":-2},{}],\"text_offset\":[0,2]},\"finish_reason\":\"stop\"}],"
      "\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0,\"total_tokens\":0,\"prompt_tokens_details\":{\"cached_tokens\":0}}}");
}

void expect_same(const Reply& read, const ReplyChoice& said) {
  EXPECT_EQ(read.content.text(), said.text);
  EXPECT_EQ(read.thinking.text(), said.thinking);
  EXPECT_EQ(read.tool_calls, said.tool_calls);
  EXPECT_EQ(read.prompt_tokens, 4);
  EXPECT_EQ(read.completion_tokens, 2);
  ASSERT_EQ(read.tokens.size(), said.tokens.size());
  for (size_t i = 0; i < read.tokens.size(); ++i) {
    EXPECT_EQ(read.tokens[i].text, said.tokens[i].text);
    EXPECT_EQ(read.tokens[i].log_probability, said.tokens[i].log_probability);
  }
}

// Our own client of the same API (backends/openai_reply) makes of the bytes what they were made of.
TEST(OpenAIAnswer, AClientReadsAWholeChatAsItWasSaid) {
  OpenAIReply client(OpenAIReply::Route::kChat, {.choices = 1, .tokens = true});
  const ReplyChoice said = full_reply();
  const auto read = client.take_whole(chat_body(kHead, {&said, 1}, true, usage()));
  ASSERT_TRUE(read) << read.error().message;
  expect_same(client, said);
  EXPECT_EQ(client.finish_reason, "tool_calls");
}

TEST(OpenAIAnswer, AClientReadsAStreamedChatAsItWasSaid) {
  Head head = kHead;
  head.has_usage = true;
  const ReplyChoice said = full_reply();
  const std::string stream = chat_begin(head, 0) + chat_piece(head, 0, Piece::kThinking, "hm") + chat_piece(head, 0, Piece::kText, "Gr") +
                             chat_piece(head, 0, Piece::kText, "\xC3\xBC\xC3\x9F") + chat_end(head, 0, said, true) +
                             chat_usage(head, usage()) + std::string(kEndOfStream);
  OpenAIReply client(OpenAIReply::Route::kChat, {.choices = 1, .tokens = true});
  const TextSink sink = [](std::string_view) { return true; };
  const auto read = client.feed(stream, sink);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_FALSE(*read);  // nothing more is wanted
  EXPECT_TRUE(client.is_done());
  expect_same(client, said);
}

TEST(OpenAIAnswer, AStreamsChunksHaveUsageOnlyWhereItWasAskedFor) {
  EXPECT_EQ(chat_piece(kHead, 0, Piece::kText, "A").find("usage"), std::string::npos);
  Head head = kHead;
  head.has_usage = true;
  EXPECT_NE(chat_piece(head, 0, Piece::kText, "A").find("\"usage\":null"), std::string::npos);
  EXPECT_NE(completion_usage(head, usage()).find("\"choices\":[],\"usage\":{\"prompt_tokens\":4"), std::string::npos);
}

TEST(OpenAIAnswer, AnErrorNamesItsFieldAndKind) {
  EXPECT_EQ(
      error_body(invalid("messages[0].role: expected text, found 3")),
      R"({"error":{"message":"messages[0].role: expected text, found 3","type":"invalid_request_error","param":"messages[0].role","code":null}})");
  EXPECT_EQ(error_body(too_long("prompt of 9 tokens leaves no room in the context of 8")),
            R"({"error":{"message":"prompt of 9 tokens leaves no room in the context of 8","type":"invalid_request_error","param":null,)"
            R"("code":"context_length_exceeded"}})");
  EXPECT_EQ(status_of(busy("full")), 503);
  EXPECT_EQ(status_of(not_found("model: none")), 404);
}

TEST(OpenAIAnswer, AFailureOfOursSaysNothingOfThisMachine) {
  for (const Error& error : {io_error("/srv/models/secret.gguf: gone"), corrupt("/srv: x"), internal("at 0xdeadbeef")}) {
    EXPECT_EQ(status_of(error), 500);
    EXPECT_EQ(error_body(error),
              R"({"error":{"message":"the server failed to answer this request","type":"server_error","param":null,"code":null}})");
  }
}

}  // namespace
}  // namespace halfbyte::openai
