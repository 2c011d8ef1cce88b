#include "cli/chat.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "backends/drop_turns.h"
#include "base/errors.h"
#include "base/white_space.h"
#include "cli/chat_command.h"
#include "cli/conversation.h"
#include "cli/idle_calibration.h"
#include "cli/line_editor.h"
#include "cli/model_facts.h"
#include "cli/model_file.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/reply.h"
#include "cli/session.h"

namespace halfbyte {
namespace {

constexpr std::string_view kQuotes = R"(""")";

class Chat {
 public:
  Chat(Engine& engine, ChatOptions options)
      : engine_(engine),
        options_(std::move(options)),
        conversation_(std::move(options_.conversation)),
        editor_(history_file_from_environment()),
        idle_calibration_(options_.calibration_file) {}

  Result<int> run();

 private:
  struct Said {
    std::string text;
    bool is_quoted;  // between """: never a command
  };
  std::optional<Said> read_message();  // nothing: the user leaves
  LineEditor::Line read_line(const std::string& prompt);
  void reply_to(std::string message);
  bool obey(const std::string& line);  // false: the user leaves
  Result<void> set(const std::string& name, const std::string& value);
  Result<void> show(const std::string& what) const;

  Engine& engine_;
  ChatOptions options_;
  Conversation conversation_;
  LineEditor editor_;
  IdleCalibration idle_calibration_;
  bool has_answered_ = false;
  bool has_warned_ = false;
  int interrupts_ = 0;  // Ctrl-C in a row: the second one leaves
};

Result<int> Chat::run() {
  if (options_.raw)
    notify("--raw: each message is continued as it stands");
  else if (!engine_.conversation().has_template())
    notify("this model has no chat template: it continues a transcript of the conversation");
  while (const auto message = read_message()) {
    if (is_blank(message->text)) continue;
    if (message->is_quoted || !is_chat_command(message->text))
      reply_to(message->text);
    else if (!obey(message->text))
      break;
  }
  if (!options_.session.empty())
    HB_TRY(keep_session(engine_, options_.session, options_.parse_special, options_.request.adapters, conversation_));
  return 0;
}

std::optional<Chat::Said> Chat::read_message() {
  using End = LineEditor::Line::End;
  std::optional<std::string> quoted;  // of a message that began with """
  for (;;) {
    LineEditor::Line line = read_line(quoted ? "... " : ">>> ");
    if (line.end != End::kEntered) print("\n");
    if (line.end == End::kClosed) return std::nullopt;
    if (line.end == End::kInterrupted) {
      if (++interrupts_ >= 2) return std::nullopt;
      quoted.reset();
      print("Ctrl-C again, Ctrl-D or /bye leaves\n");
      continue;
    }
    interrupts_ = 0;
    std::string_view text = line.text;
    if (!quoted) {
      if (!text.starts_with(kQuotes)) return Said{std::move(line.text), false};
      quoted.emplace();
      text.remove_prefix(kQuotes.size());
      if (text.empty()) continue;
    }
    const bool is_last = text.ends_with(kQuotes);
    if (is_last) text.remove_suffix(kQuotes.size());
    *quoted += text;
    if (is_last) return Said{std::move(*quoted), true};
    *quoted += '\n';
  }
}

// After an answer the engine's threads sleep while the user reads and types: the time to measure what they can do.
LineEditor::Line Chat::read_line(const std::string& prompt) {
  if (has_answered_) idle_calibration_.start();
  LineEditor::Line line = editor_.read(prompt);
  idle_calibration_.stop();
  return line;
}

void Chat::reply_to(std::string message) {
  if (options_.raw) conversation_.clear();
  conversation_.ask(std::move(message));
  const InterruptWatch interrupt;
  const auto reply = [&]() -> Result<Engine::Reply> {
    HB_TRY_ASSIGN(question, question_of(engine_, options_, conversation_));
    ReplyPrinter printer(options_.shows_thoughts);
    return stream_reply(engine_, std::move(question.request), std::move(question.reader), interrupt, printer);
  }();
  if (!reply) {
    conversation_.take_back_question();
    complain(reply.error().message);
    return;
  }
  print(reply->text.ends_with('\n') ? "\n" : "\n\n");
  conversation_.answer(reply->text);
  has_answered_ = true;
  if (reply->reason == FinishReason::kCancelled) interrupts_ = 1;
  if (options_.verbose) print_aside(usage_text(reply->usage));
  if (!reply->warning.empty() && !std::exchange(has_warned_, true)) notify(reply->warning);
}

bool Chat::obey(const std::string& line) {
  using Kind = ChatCommand::Kind;
  const auto command = parse_chat_command(line);
  Result<void> done;
  if (!command)
    done = command.error();
  else
    switch (command->kind) {
      case Kind::kBye: return false;
      case Kind::kHelp: print(chat_help()); break;
      case Kind::kClear: conversation_.clear(); break;
      case Kind::kSet: done = set(command->name, command->value); break;
      case Kind::kShow: done = show(command->name); break;
      case Kind::kSystem:
        if (!options_.raw)
          conversation_.set_system(command->value);
        else
          done = unsupported("there is no chat template to put a system message in (--raw)");
    }
  if (!done) complain(done.error().message);
  return true;
}

Result<void> Chat::set(const std::string& name, const std::string& value) {
  if (name != "stop") {
    Request changed = options_.request;
    HB_TRY(set_reply_option(changed, name, value));
    HB_TRY(check_fits_terminal(changed));
    options_.request = std::move(changed);
    return {};
  }
  options_.request.stop.clear();
  if (!value.empty()) options_.request.stop.push_back(value);
  return {};
}

Result<void> Chat::show(const std::string& what) const {
  if (what.empty() || what == "parameters") {
    for (const ReplyOption& option : reply_options())
      if (!option.needs_json()) print(fmt::format("{:<18} {:<22} {}\n", option.name, value_text(option, options_.request), option.meaning));
    for (const std::string& stop : options_.request.stop) print(fmt::format("{:<18} {}\n", "stop", printable(stop)));
    return {};
  }
  if (what == "system") {
    print(printable(conversation_.system()) + "\n");
    return {};
  }
  if (what == "template") {
    print(printable(engine_.conversation().source()) + "\n");
    return {};
  }
  if (what == "model") {
    HB_TRY_ASSIGN(file, open_model_file(options_.model));
    print(printable(facts_text(gather_facts(file))));
    return {};
  }
  return invalid("/show {}: expected parameters, model, system or template", escaped(what));
}

}  // namespace

Result<Question> question_of(const Engine& engine, const ChatOptions& options, Conversation& conversation) {
  Question question{.request = options.request, .reader = {}};
  std::vector<Message> messages = conversation.messages();
  if (options.raw) {
    question.request.prompt = engine.encode(messages.back().content, /*add_special=*/true);
    return question;
  }
  const auto prompt_of = [&](std::span<const Message> turns) {
    return engine.conversation().prompt(turns, {.enable_thinking = options.thinks, .parse_special = options.parse_special});
  };
  if (options.overflow == Overflow::kDropTurns) {
    const int context = engine.context_tokens();
    HB_TRY_ASSIGN(dropped,
                  drop_turns(messages, static_cast<size_t>(context - context / 4), [&](std::span<const Message> left) -> Result<size_t> {
                    HB_TRY_ASSIGN(made, prompt_of(left));
                    return made.tokens.size();
                  }));
    conversation.forget_oldest(dropped);
    if (dropped > 0)
      notify(fmt::format("the context of {} tokens is full: the oldest {} of your messages and their replies are forgotten", context,
                         dropped / 2));
  }
  HB_TRY_ASSIGN(prompt, prompt_of(messages));
  Request& request = question.request;
  request.prompt = std::move(prompt.tokens);
  request.thinking = std::move(prompt.thinking);
  request.shows_control_tokens = prompt.shows_control_tokens;
  request.stop.insert(request.stop.end(), prompt.stop.begin(), prompt.stop.end());
  question.reader = std::move(prompt.reply);
  return question;
}

Result<int> chat(Engine& engine, ChatOptions options) { return Chat(engine, std::move(options)).run(); }

}  // namespace halfbyte
