// Where text goes: stdout carries the result and nothing else, stderr what a person should know.
#pragma once

#include <string>
#include <string_view>

namespace halfbyte {

bool stdin_is_terminal();
bool stdout_is_terminal();
bool stderr_is_terminal();

// Writes to stdout at once. A reader that has gone (`| head -1`) ends the program quietly with status 0: nobody is left to compute
// for. Any other failure, a full disk say, ends it with a message and status 1.
void print(std::string_view text);

// "halfbyte: <message>" on stderr, the first word in red on a terminal unless NO_COLOR is set.
void complain(std::string_view message);
// The same without colour: not a failure, but something a person should know.
void notify(std::string_view message);

// Lines on stderr as they are.
void print_aside(std::string_view lines);
// A passing line on the terminal behind stderr; empty: takes it away.
void print_status(std::string_view text);

// Text from a model or a file, made safe for a terminal: control characters other than newline and tab, and bytes that are not
// UTF-8, become \xNN.
std::string printable(std::string_view text);
// print() for such text: unchanged into a file or pipe, printable() on a terminal.
void print_foreign(std::string_view text);

}  // namespace halfbyte
