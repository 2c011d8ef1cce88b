#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "cli/output.h"

namespace halfbyte {
namespace {

constexpr int kUsageError = 2;

std::string overview(std::span<const Command> commands) {
  std::string text = "halfbyte runs language models on this machine.\n\nUsage: halfbyte COMMAND [ARGUMENTS]\n\nCommands:\n";
  for (const Command& command : commands) text += fmt::format("  {:<12} {}\n", command.name, command.summary);
  return text + "\n'halfbyte COMMAND --help' tells what a command accepts.\n";
}

int refuse_usage(std::string_view message, std::string_view where) {
  complain(message);
  notify(fmt::format("see '{} --help'", where));
  return kUsageError;
}

// The positional arguments are ours: the library would take them its own way ("[a,b]" as a list).
class HelpFormatter : public CLI::Formatter {
 public:
  explicit HelpFormatter(std::string usage) : usage_(std::move(usage)) { column_width(28); }
  std::string make_usage(const CLI::App*, std::string) const override { return usage_; }

 private:
  std::string usage_;
};

bool looks_like_option(std::string_view word) {
  return word.size() > 1 && word[0] == '-' && word[1] != ' ' && !(word[1] >= '0' && word[1] <= '9');
}

// Reads the options among `words` into the variables bound to them and returns the other words.
// The library throws; nothing leaves this function that way. `asks_for_help` is set instead when that was the wish.
Result<std::vector<std::string>> parse_options(CLI::App& app, std::vector<std::string> words, bool& asks_for_help) {
  const auto separator = std::ranges::find(words, "--");  // what follows is never an option
  const bool separated = separator != words.end();
  std::vector<std::string> after(separator + (separated ? 1 : 0), words.end());
  words.erase(separator, words.end());
  std::reverse(words.begin(), words.end());  // the library takes them from the back
  try {
    app.parse(std::move(words));
  } catch (const CLI::CallForHelp&) {
    asks_for_help = true;
    return std::vector<std::string>{};
  } catch (const CLI::ParseError& error) {
    return invalid("{}", error.what());
  }
  std::vector<std::string> others = app.remaining();
  if (const auto unknown = std::ranges::find_if(others, looks_like_option); unknown != others.end())
    return invalid("unknown option '{}'", escaped(*unknown));
  others.insert(others.end(), after.begin(), after.end());
  return others;
}

int run_command(const Command& command, std::vector<std::string> words) {
  const std::string full_name = fmt::format("halfbyte {}", command.name);
  CLI::App app(std::string(command.summary), full_name);
  app.set_help_flag("-h,--help", "print this help");
  app.allow_extras();
  app.footer(fmt::format("Example:\n  {}", command.example));
  Arguments arguments(app);
  const Action action = command.declare(arguments);

  bool asks_for_help = false;
  const auto others = parse_options(app, std::move(words), asks_for_help);
  if (asks_for_help) {
    app.formatter(std::make_shared<HelpFormatter>(arguments.usage(full_name)));
    print(app.help());
    return 0;
  }
  const auto assigned = others ? arguments.assign(*others) : others.error();
  if (!assigned) return refuse_usage(fmt::format("{}: {}", command.name, assigned.error().message), full_name);

  const auto status = action();
  if (status) return *status;
  complain(status.error().message);
  return row(status.error().code).exit_status;
}

CLI::Option* bind(CLI::App& options, std::string_view flags, std::string_view placeholder, std::string_view meaning,
                  Arguments::Setter set) {
  const std::string name(flags);
  const auto read = [set = std::move(set), name](const CLI::results_t& given) {
    for (const std::string& text : given)
      if (const auto done = set(text); !done) throw CLI::ValidationError(name, done.error().message);
    return true;
  };
  return options.add_option(name, read, std::string(meaning))->type_name(std::string(placeholder));
}

}  // namespace

void Arguments::positional(std::string_view name, std::string& bound, std::string_view meaning, Needed needed) {
  positionals_.push_back({std::string(name), std::string(meaning), &bound, needed});
}

void Arguments::rest(std::string_view name, std::vector<std::string>& bound, std::string_view meaning) {
  positionals_.push_back({std::string(name), std::string(meaning), nullptr, Needed::kNo});
  rest_ = &bound;
}

void Arguments::flag(std::string_view flags, bool& bound, std::string_view meaning) {
  options_.add_flag(std::string(flags), bound, std::string(meaning));
}

void Arguments::text(std::string_view flags, std::string& bound, std::string_view meaning) {
  value(flags, "TEXT", meaning, [&bound](const std::string& given) -> Result<void> {
    bound = given;
    return {};
  });
}

void Arguments::value(std::string_view flags, std::string_view placeholder, std::string_view meaning, Setter set) {
  bind(options_, flags, placeholder, meaning, std::move(set))->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

void Arguments::repeated(std::string_view flags, std::string_view placeholder, std::string_view meaning, Setter set) {
  bind(options_, flags, placeholder, meaning, std::move(set))->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

Result<void> Arguments::assign(std::span<const std::string> words) const {
  for (const Positional& positional : positionals_) {
    if (positional.value == nullptr) {
      rest_->assign(words.begin(), words.end());
      return {};
    }
    if (words.empty()) {
      if (positional.needed == Needed::kYes) return invalid("{} is missing", positional.name);
      return {};
    }
    *positional.value = words.front();
    words = words.subspan(1);
  }
  if (!words.empty()) return invalid("unexpected argument '{}'", escaped(words.front()));
  return {};
}

std::string Arguments::usage(std::string_view command) const {
  std::string line = fmt::format("Usage: {}", command), meanings;
  for (const Positional& positional : positionals_) {
    const bool needed = positional.needed == Needed::kYes;
    line += fmt::format(" {}{}{}{}", needed ? "" : "[", positional.name, positional.value == nullptr ? "..." : "", needed ? "" : "]");
    meanings += fmt::format("  {:<26}{}\n", positional.name, positional.meaning);
  }
  return fmt::format("\n{} [OPTIONS]\n\n{}", line, meanings);
}

int run_command_line(std::span<const Command> commands, std::span<char* const> argv) {
  std::vector<std::string> words(argv.begin() + (argv.empty() ? 0 : 1), argv.end());
  if (words.empty()) return refuse_usage("which command?", "halfbyte");
  if (words.front() == "--version") words.front() = "version";
  const std::string& name = words.front();
  if (name == "--help" || name == "-h" || name == "help") {
    print(overview(commands));
    return 0;
  }
  // "bench serve" before "bench".
  for (const size_t count : {2U, 1U}) {
    if (words.size() < count) continue;
    const std::string named = fmt::format("{}", fmt::join(words.begin(), words.begin() + static_cast<ptrdiff_t>(count), " "));
    for (const Command& command : commands)
      if (named == command.name) return run_command(command, {words.begin() + static_cast<ptrdiff_t>(count), words.end()});
  }
  return refuse_usage(fmt::format("unknown command '{}'", escaped(name)), "halfbyte");
}

}  // namespace halfbyte
