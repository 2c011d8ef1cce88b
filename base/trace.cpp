#include "base/trace.h"

#include <fmt/format.h>

#include <utility>

#include "base/errors.h"

namespace halfbyte {
namespace {

constexpr size_t kWriteBytes = 64 << 10;

}  // namespace

Result<std::unique_ptr<Trace>> Trace::create(const std::filesystem::path& path, const World& world) {
  HB_TRY_ASSIGN(file, world.create(path));
  return std::unique_ptr<Trace>(new Trace(std::move(file), world));
}

Trace::Trace(std::unique_ptr<NewFile> file, const World& world) : file_(std::move(file)), world_(world), start_(world.now()) {
  json_.begin_object().member("displayTimeUnit", "ms").key("traceEvents").begin_array();
}

void Trace::set_threads(int count) {
  threads_ = std::vector<Thread>(static_cast<size_t>(count));
  for (int thread = 0; thread < count; ++thread) {
    begin_event("M", "thread_name", start_).member("tid", thread);
    json_.key("args").begin_object().member("name", fmt::format("thread {}", thread)).end_object();
    end_event();
  }
}

void Trace::mark(int thread, std::string_view activity) { threads_[static_cast<size_t>(thread)].marks.push_back({world_.now(), activity}); }

void Trace::flush() {
  for (size_t thread = 0; thread < threads_.size(); ++thread) {
    std::vector<Mark>& marks = threads_[thread].marks;
    for (size_t i = 0; i + 1 < marks.size(); ++i) {
      if (marks[i].activity.empty()) continue;
      begin_event("X", marks[i].activity, marks[i].at).member("tid", thread);
      json_.key("dur").json(micros(marks[i + 1].at - marks[i].at));
      end_event();
    }
    marks.clear();
  }
}

void Trace::span(std::string_view name, Time begin, Time end, std::string_view args) {
  begin_event("X", name, begin).member("tid", 0);
  json_.key("dur").json(micros(end - begin)).key("args").json(args);
  end_event();
}

void Trace::row_span(std::string_view kind, uint64_t id, std::string_view name, Time begin, Time end) {
  for (const auto& [phase, at] : {std::pair("b", begin), std::pair("e", end)}) {
    begin_event(phase, name, at).member("tid", 0).member("cat", kind).member("id", id);
    end_event();
  }
}

void Trace::values(std::string_view name, Time at, std::string_view values) {
  begin_event("C", name, at).member("tid", 0).key("args").json(values);
  end_event();
}

Result<void> Trace::finish() {
  flush();
  if (written_ >= kMostBytes) {
    begin_event("i", fmt::format("left out from here on: {} bytes are written", kMostBytes), world_.now())
        .member("tid", 0)
        .member("s", "g")
        .end_object();
    write(json_.take());
  }
  write(json_.end_array().end_object().take() + "\n");
  if (!failure_ && !text_.empty())
    if (const auto done = file_->write(text_); !done) failure_ = done.error();
  if (failure_) return *failure_;
  return file_->publish();
}

JsonWriter& Trace::begin_event(std::string_view phase, std::string_view name, Time at) {
  return json_.begin_object().member("ph", phase).member("name", name).member("pid", 1).key("ts").json(micros(at - start_));
}

void Trace::end_event() {
  json_.end_object();
  std::string event = json_.take();
  if (written_ < kMostBytes) write(event);
}

void Trace::write(std::string_view text) {
  written_ += text.size();
  text_ += text;
  if (text_.size() < kWriteBytes) return;
  if (!failure_)
    if (const auto done = file_->write(text_); !done) failure_ = done.error();
  text_.clear();
}

std::string Trace::micros(Time::duration duration) const {
  return fmt::format("{:.3f}", std::chrono::duration<double, std::micro>(duration).count());
}

}  // namespace halfbyte
