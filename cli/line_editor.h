// Lines typed at a terminal, with editing and a history that survives the program.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

namespace halfbyte {

// The file of the history: $XDG_STATE_HOME/halfbyte/history, or under ~/.local/state. Empty when there is no home.
std::filesystem::path history_file_from_environment();

class LineEditor {
 public:
  // `history` is read now and written after each line, for its owner only. Empty or unwritable: history lives in memory.
  explicit LineEditor(std::filesystem::path history);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  struct Line {
    enum class End { kEntered, kInterrupted, kClosed } end;  // Return, Ctrl-C, Ctrl-D on an empty line
    std::string text;                                        // without the newline
  };
  Line read(const std::string& prompt);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace halfbyte
