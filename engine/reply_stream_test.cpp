#include "engine/reply_stream.h"

#include <gtest/gtest.h>

#include <thread>

#include "models/tiny_model.h"

namespace halfbyte {
namespace {

using Kind = ReplyStream::Step::Kind;

std::shared_ptr<Engine> open(const TinyModelFile& file) {
  auto engine = Engine::open(file.path(), {.context_tokens = 1024, .cache_tokens = 4096, .threads = 2});
  EXPECT_TRUE(engine) << engine.error().message;
  return std::make_shared<Engine>(std::move(*engine));
}

Request request_of(int max_tokens) {
  return {.prompt = {1, 2, 3}, .max_tokens = max_tokens, .sampling = {.temperature = 1}, .ignore_eos = true};
}

std::string read_all(ReplyStream& stream) {
  std::string text;
  for (auto step = stream.next(); step.kind != Kind::kFinished; step = stream.next()) text += step.text;
  return text;
}

TEST(ReplyStream, GivesTheTextThatTheEngineGives) {
  const TinyModelFile file;
  const auto engine = open(file);
  const auto stream = ReplyStream::start(engine, request_of(300));
  ASSERT_TRUE(stream);
  EXPECT_EQ(read_all(**stream), engine->complete(request_of(300))->text);
  EXPECT_EQ((*stream)->next().kind, Kind::kFinished);
  EXPECT_EQ((*stream)->choices()[0].last->finished, FinishReason::kLength);
  EXPECT_EQ((*stream)->choices()[0].last->usage.completion_tokens, 300);
}

TEST(ReplyStream, GivesTheFirstOfSeveralChoicesInPiecesAndTheOthersWhole) {
  const TinyModelFile file;
  const auto engine = open(file);
  Request request = request_of(200);
  request.choices = 3;
  request.logprobs = 1;
  const auto stream = ReplyStream::start(engine, request);
  ASSERT_TRUE(stream);
  const std::string first = read_all(**stream);
  const auto replies = engine->complete_all(request);
  ASSERT_TRUE(replies);
  EXPECT_EQ(first, (*replies)[0].text);
  ASSERT_EQ((*stream)->choices().size(), 3U);
  for (size_t i = 0; i < 3; ++i) {
    const ReplyStream::Choice& choice = (*stream)->choices()[i];
    EXPECT_EQ(choice.text, i == 0 ? "" : (*replies)[i].text);
    EXPECT_EQ(choice.tokens.size(), 200U);
    EXPECT_EQ(choice.last->finished, FinishReason::kLength);
  }
}

TEST(ReplyStream, AReaderThatDoesNotReadStopsOnlyItsOwnRequest) {
  const TinyModelFile file;
  const auto engine = open(file);
  const auto stream = ReplyStream::start(engine, request_of(1000));
  ASSERT_TRUE(stream);
  ASSERT_TRUE(engine->complete(request_of(900)));  // each step serves both until the unread one waits
  const std::string first = (*stream)->next().text;
  EXPECT_GT(first.size(), 0U);
  EXPECT_LE(first.size(), 256U);  // 64 pieces; a piece is a byte, or its replacement of three
  EXPECT_EQ(first + read_all(**stream), engine->complete(request_of(1000))->text);
}

TEST(ReplyStream, NothingIsReadAfterACancel) {
  const TinyModelFile file;
  const auto engine = open(file);
  const auto stream = ReplyStream::start(engine, request_of(1000));
  ASSERT_TRUE(stream);
  ASSERT_EQ((*stream)->next().kind, Kind::kText);
  std::jthread([&] { (*stream)->cancel(); }).join();
  EXPECT_EQ((*stream)->next().kind, Kind::kFinished);
  EXPECT_EQ((*stream)->choices()[0].last->finished, FinishReason::kCancelled);
}

TEST(ReplyStream, SaysWhenNothingHasComeInTime) {
  const TinyModelFile file;
  const auto engine = open(file);
  const auto stream = ReplyStream::start(engine, request_of(1000));
  ASSERT_TRUE(stream);
  (*stream)->cancel();
  while ((*stream)->next(std::chrono::milliseconds(1)).kind != Kind::kFinished) {}
  // A request that waits for room in the steps of another has nothing to give.
  auto narrow = Engine::open(file.path(), {.context_tokens = 1024, .threads = 2, .chunk_tokens = 1});
  ASSERT_TRUE(narrow);
  const auto one_at_a_time = std::make_shared<Engine>(std::move(*narrow));
  const auto ahead = ReplyStream::start(one_at_a_time, request_of(1000));
  Request long_prompt = request_of(10);
  long_prompt.prompt.assign(900, 1);  // so many steps until it says something, even when the one ahead waits for its reader
  const auto behind = ReplyStream::start(one_at_a_time, long_prompt);
  ASSERT_TRUE(ahead && behind);
  EXPECT_EQ((*behind)->next(std::chrono::milliseconds(1)).kind, Kind::kNothingYet);
}

TEST(ReplyStream, KeepsTheEngineAndLetsItGoInAnyOrder) {
  const TinyModelFile file;
  auto engine = open(file);
  auto stream = ReplyStream::start(engine, request_of(1000));
  ASSERT_TRUE(stream);
  engine.reset();
  EXPECT_EQ((*stream)->next().kind, Kind::kText);
  stream->reset();  // in the middle of the reply, and the last to hold the engine
}

TEST(ReplyStream, ARefusedRequestIsNoStream) {
  const TinyModelFile file;
  EXPECT_EQ(ReplyStream::start(open(file), {.prompt = {}}).error().message, "prompt: no tokens");
}

}  // namespace
}  // namespace halfbyte
