// Commands, what they accept, and the way from argv to an exit status. The only user of the option-parsing library.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/errors.h"
#include "base/number.h"

namespace CLI {
class App;
}

namespace halfbyte {

// Runs a command after its arguments were read; the value is the exit status: 0 done, 1 failed, 130 stopped by Ctrl-C.
using Action = std::function<Result<int>()>;

// Declares the arguments of one command, each bound to a variable that outlives the parsing.
class Arguments {
 public:
  explicit Arguments(CLI::App& options) : options_(options) {}

  // Words without a dash, in the order of declaration. rest() takes all that are left.
  enum class Needed { kYes, kNo };
  void positional(std::string_view name, std::string& bound, std::string_view meaning, Needed needed = Needed::kYes);
  void rest(std::string_view name, std::vector<std::string>& bound, std::string_view meaning);

  void flag(std::string_view flags, bool& bound, std::string_view meaning);
  void text(std::string_view flags, std::string& bound, std::string_view meaning);
  // A value that `set` reads and may refuse. Given twice, the last one counts.
  using Setter = std::function<Result<void>(const std::string& text)>;
  void value(std::string_view flags, std::string_view placeholder, std::string_view meaning, Setter set);
  // The same for a value that may be given several times: `set` gets each.
  void repeated(std::string_view flags, std::string_view placeholder, std::string_view meaning, Setter set);
  template <class T>
  void number(std::string_view flags, T& bound, T least, T greatest, std::string_view meaning) {
    value(flags, "N", fmt::format("{} ({} to {})", meaning, least, greatest),
          [&bound, least, greatest](const std::string& given) -> Result<void> {
            HB_TRY_INTO(bound, parse_number(given, least, greatest));
            return {};
          });
  }

  // Gives `words` to the positional arguments. kInvalid: one is missing, or there are more words than arguments.
  Result<void> assign(std::span<const std::string> words) const;
  std::string usage(std::string_view command) const;  // for --help

 private:
  struct Positional {
    std::string name, meaning;
    std::string* value;  // null: rest_
    Needed needed;
  };
  CLI::App& options_;
  std::vector<Positional> positionals_;
  std::vector<std::string>* rest_ = nullptr;
};

struct Command {
  std::string_view name;
  std::string_view summary;            // one line
  std::string_view example;            // one line, shown by --help
  Action (*declare)(Arguments& args);  // the action reads what the arguments were set to
};

// Finds the command that argv names, reads its arguments and runs it. Returns the exit status: 2 for a usage error.
int run_command_line(std::span<const Command> commands, std::span<char* const> argv);

}  // namespace halfbyte
