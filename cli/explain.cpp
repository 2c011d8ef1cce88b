// halfbyte explain: the tutor. A technical question in, a streamed Markdown explanation out, from one backend or several.
#include <sys/ioctl.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "base/white_space.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/markdown.h"
#include "cli/notice.h"
#include "cli/outer_fence.h"
#include "cli/output.h"
#include "halfbyte/backends.h"

namespace halfbyte {
namespace {

using namespace std::chrono_literals;

constexpr const char* kSystemPrompt =
    "You are a personal tutor in LLM engineering, artificial intelligence and machine learning. When a question is about "
    "something to understand, explain the concept behind it, from what the learner knows to what is new, with a small "
    "example. When it is a problem to solve, give the framework for a solution and let the learner fill it in. "
    "Answer in Markdown.";

struct Options {
  std::vector<std::string> question, backends;
  std::string system = kSystemPrompt;
  int max_tokens = 2048;
  float temperature = 0.7F;
};

// One backend's answer, collected by a thread from the start, whoever is shown first.
class Answer {
 public:
  Answer(std::unique_ptr<Backend> backend, const std::vector<Message>& messages, const CompletionOptions& options)
      : backend_(std::move(backend)), info_(backend_->info()), thread_([this, messages, options] { collect(messages, options); }) {}

  const BackendInfo& info() const { return info_; }

  struct Piece {
    std::string text;
    bool is_last;
  };
  // None when nothing came within `patience`.
  std::optional<Piece> next(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, patience, [this] { return is_over_ || !arrived_.empty(); })) return std::nullopt;
    Piece piece{"", is_over_};
    for (const std::string& text : std::exchange(arrived_, {})) piece.text += text;
    return piece;
  }
  // After the last piece: why it stopped, if it did not end by itself.
  const std::optional<Error>& error() const { return error_; }

 private:
  void collect(const std::vector<Message>& messages, const CompletionOptions& options) {
    const auto done = backend_->stream_chat(messages, options, [&](std::string_view text) {
      const std::lock_guard lock(mutex_);
      arrived_.emplace_back(text);
      changed_.notify_one();
      return !options.cancel.stop_requested();
    });
    const std::lock_guard lock(mutex_);
    if (!done) error_ = done.error();
    is_over_ = true;
    changed_.notify_one();
  }

  std::unique_ptr<Backend> backend_;
  BackendInfo info_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> arrived_;
  std::optional<Error> error_;
  bool is_over_ = false;
  std::jthread thread_;
};

int terminal_width() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

bool wants_color() {
  const char* no_color = std::getenv("NO_COLOR");
  return no_color == nullptr || *no_color == '\0';
}

// Where an explanation appears: rendered on a terminal, as it is anywhere else.
class Page {
 public:
  Page() {
    if (stdout_is_terminal()) terminal_.emplace(print, terminal_width(), wants_color());
  }
  void begin(std::string_view title) { feed(fmt::format("{} {}\n\n", terminal_ ? "#" : "##", title)); }
  void feed(std::string_view markdown) {
    if (markdown.empty()) return;
    ends_line_ = markdown.ends_with('\n');
    if (terminal_)
      terminal_->feed(markdown);
    else
      print(markdown);
  }
  void end() {
    if (!ends_line_) feed("\n");
    if (terminal_) terminal_->close();
  }

 private:
  std::optional<TerminalMarkdown> terminal_;
  bool ends_line_ = true;
};

// False: Ctrl-C.
bool show(Answer& answer, Page& page, const InterruptWatch& interrupt) {
  OuterFence fence;
  while (!interrupt.seen()) {
    const auto piece = answer.next(50ms);
    if (!piece) continue;
    page.feed(fence.feed(piece->text));
    if (!piece->is_last) continue;
    page.feed(fence.close());
    return true;
  }
  return false;
}

Result<int> explain(const Options& options) {
  const std::string question = fmt::format("{}", fmt::join(options.question, " "));
  if (is_blank(question)) return invalid("QUESTION: expected text, found none");

  std::vector<std::unique_ptr<Backend>> backends;
  for (const std::string& word : options.backends.empty() ? std::vector<std::string>{"auto"} : options.backends) {
    const Notice notice(fmt::format("opening {} ...", without_address(word)));
    HB_TRY_ASSIGN(backend, open_backend(word));
    backends.push_back(std::move(backend));
  }
  for (const auto& backend : backends) {
    const BackendInfo info = backend->info();
    if (const auto note = info.extra.find("not_taken"); note != info.extra.end())
      notify(fmt::format("{}: not taken: {}", info.model_id, note->second));
  }
  const std::vector<Message> messages{{.role = "system", .content = options.system}, {.role = "user", .content = question}};
  std::stop_source stopping;
  const CompletionOptions completion{
      .max_new_tokens = options.max_tokens, .sampling = {.temperature = options.temperature}, .cancel = stopping.get_token()};
  const InterruptWatch interrupt;
  std::vector<std::unique_ptr<Answer>> answers;
  for (auto& backend : backends) answers.push_back(std::make_unique<Answer>(std::move(backend), messages, completion));

  Page page;
  const bool is_one = answers.size() == 1;
  size_t failures = 0;
  for (const auto& answer : answers) {
    if (!is_one) page.begin(fmt::format("{}: {}", answer->info().name, answer->info().model_id));
    if (!show(*answer, page, interrupt)) {
      stopping.request_stop();
      page.end();
      return kInterruptedStatus;
    }
    if (answer->error()) ++failures;
    if (!is_one) page.feed(answer->error() ? fmt::format("\n\n*stopped: {}*\n\n", answer->error()->message) : "\n\n");
    page.end();
  }
  if (failures == answers.size()) return *answers.back()->error();
  return failures == 0 ? 0 : 1;
}

}  // namespace

Action declare_explain(Arguments& args) {
  const auto options = std::make_shared<Options>();
  args.rest("QUESTION", options->question, "what to explain");
  args.repeated(
      "--backend", "KIND:MODEL",
      "openai (gpt-4o-mini), ollama (llama3.2), local (the default model), artifact, prodlm or auto (default); repeat to compare; "
      "services elsewhere: ollama:MODEL@http://HOST:PORT, openai:MODEL@https://HOST/v1",
      [options](const std::string& word) -> Result<void> {
        options->backends.push_back(word);
        return {};
      });
  args.text("--system", options->system, "in place of the tutor's prompt");
  args.number("--max-tokens", options->max_tokens, 1, 1 << 24, "longest explanation, in tokens");
  args.number("--temperature", options->temperature, 0.0F, 100.0F, "0: always the likeliest token");
  return [options] { return explain(*options); };
}

}  // namespace halfbyte
