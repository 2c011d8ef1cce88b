#include "base/trace.h"

#include <gtest/gtest.h>

#include "base/errors.h"
#include "base/faulty_world.h"
#include "base/file.h"
#include "base/json.h"

namespace halfbyte {
namespace {

// Its clock stands where the test puts it.
class StillWorld final : public World {
 public:
  Trace::Time now() const override { return Trace::Time(time); }
  std::chrono::microseconds time{0};
};

std::filesystem::path path() { return std::filesystem::path(testing::TempDir()) / "trace_test.json"; }

Json::Array events() {
  const auto text = read_text(path(), 1 << 20);
  EXPECT_TRUE(text);
  const auto json = parse_json(*text, "trace");
  EXPECT_TRUE(json) << json.error().message;
  return *json->find("traceEvents")->array();
}

std::string text(const Json& event, std::string_view key) { return json_text(*event.find(key)); }

TEST(Trace, AnActivityLastsUntilTheNextOfItsThread) {
  StillWorld world;
  auto trace = std::move(*Trace::create(path(), world));
  trace->set_threads(2);
  const auto mark = [&](int at, int thread, std::string_view activity) {
    world.time = std::chrono::microseconds(at);
    trace->mark(thread, activity);
  };
  mark(10, 0, "attend");
  mark(11, 1, "attend");
  mark(25, 1, "wait");
  mark(30, 0, "wait");
  mark(30, 1, "");
  mark(31, 0, "");
  trace->flush();
  mark(40, 0, "attend");
  mark(42, 0, "");
  ASSERT_TRUE(trace->finish());

  std::string seen;
  for (const Json& event : events())
    if (text(event, "ph") == "\"X\"")
      seen += *event.find("name")->text() + " " + text(event, "tid") + ": " + text(event, "ts") + " + " + text(event, "dur") + "\n";
  EXPECT_EQ(seen, "attend 0: 10 + 20\nwait 0: 30 + 1\nattend 1: 11 + 14\nwait 1: 25 + 5\nattend 0: 40 + 2\n");
}

TEST(Trace, SpansRowsAndValuesAreEventsOfTheirKinds) {
  const StillWorld world;
  auto trace = std::move(*Trace::create(path(), world));
  const auto at = [](int micros) { return Trace::Time(std::chrono::microseconds(micros)); };
  trace->span("step", at(5), at(9), R"({"tokens":3})");
  trace->row_span("request", 7, "queue", at(1), at(5));
  trace->values("sequences", at(5), R"({"running":2})");
  ASSERT_TRUE(trace->finish());
  const Json::Array all = events();
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(json_text(all[0]), R"({"ph":"X","name":"step","pid":1,"ts":5,"tid":0,"dur":4,"args":{"tokens":3}})");
  EXPECT_EQ(json_text(all[1]), R"({"ph":"b","name":"queue","pid":1,"ts":1,"tid":0,"cat":"request","id":7})");
  EXPECT_EQ(json_text(all[2]), R"({"ph":"e","name":"queue","pid":1,"ts":5,"tid":0,"cat":"request","id":7})");
  EXPECT_EQ(json_text(all[3]), R"({"ph":"C","name":"sequences","pid":1,"ts":5,"tid":0,"args":{"running":2}})");
}

TEST(Trace, AFullDiskIsToldAtTheEndAndLeavesNoFile) {
  std::filesystem::remove(path());
  const FaultyWorld world(FaultyWorld::Fault::kWrite, 0);
  auto trace = std::move(*Trace::create(path(), world));
  for (int i = 0; i < 10000; ++i) trace->span("step", trace->now(), trace->now(), "{}");
  const auto done = trace->finish();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kIo);
  trace.reset();
  EXPECT_FALSE(std::filesystem::exists(path()));
}

}  // namespace
}  // namespace halfbyte
