#include "cli/line_editor.h"

#include <fcntl.h>
#include <histedit.h>
#include <langinfo.h>
#include <sys/stat.h>
#include <unistd.h>

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/white_space.h"

namespace halfbyte {
namespace {

constexpr int kHistoryLines = 1000;

// Characters beyond ASCII need a UTF-8 locale to be edited as characters.
void use_utf8() {
  std::setlocale(LC_CTYPE, "");
  if (std::strcmp(nl_langinfo(CODESET), "UTF-8") != 0) std::setlocale(LC_CTYPE, "C.UTF-8");
}

// Makes an empty file, readable by its owner alone: what is typed into a chat is private.
bool make_private_file(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return false;
  ::fchmod(fd, 0600);
  ::close(fd);
  return true;
}

}  // namespace

std::filesystem::path history_file_from_environment() {
  const auto variable = [](const char* name) -> std::filesystem::path {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  std::filesystem::path state = variable("XDG_STATE_HOME");
  if (!state.is_absolute()) {  // a relative one is to be ignored, says the XDG specification
    const std::filesystem::path home = variable("HOME");
    if (!home.is_absolute()) return {};
    state = home / ".local" / "state";
  }
  return state / "halfbyte" / "history";
}

struct LineEditor::Impl {
  EditLine* editor = nullptr;
  History* history = nullptr;
  HistEvent event{};
  std::filesystem::path file;  // empty: in memory only
  std::string prompt;
  bool interrupted = false;

  // Written beside and renamed: a program that is killed, or another one that reads, never meets half a history.
  void save() {
    if (file.empty()) return;
    std::error_code failed;
    std::filesystem::create_directories(file.parent_path(), failed);
    const std::filesystem::path beside = file.string() + ".new";
    if (!make_private_file(beside)) return;
    if (::history(history, &event, H_SAVE, beside.c_str()) >= 0) std::filesystem::rename(beside, file, failed);
  }

  static Impl& of(EditLine* editor) {
    void* impl = nullptr;
    el_get(editor, EL_CLIENTDATA, &impl);
    return *static_cast<Impl*>(impl);
  }
  static char* show_prompt(EditLine* editor) { return of(editor).prompt.data(); }
  static unsigned char interrupt(EditLine* editor, int) {
    of(editor).interrupted = true;
    return CC_EOF;
  }
};

LineEditor::LineEditor(std::filesystem::path history) : impl_(std::make_unique<Impl>()) {
  use_utf8();
  Impl& e = *impl_;
  e.history = history_init();
  ::history(e.history, &e.event, H_SETSIZE, kHistoryLines);
  ::history(e.history, &e.event, H_SETUNIQUE, 1);
  e.file = std::move(history);
  if (!e.file.empty()) ::history(e.history, &e.event, H_LOAD, e.file.c_str());

  e.editor = el_init("halfbyte", stdin, stdout, stderr);
  el_set(e.editor, EL_CLIENTDATA, &e);
  el_set(e.editor, EL_PROMPT, &Impl::show_prompt);
  el_set(e.editor, EL_EDITOR, "emacs");
  el_set(e.editor, EL_HIST, ::history, e.history);
  el_source(e.editor, nullptr);  // the user's own ~/.editrc
  // While a line is edited Ctrl-C is a key, not a signal.
  el_set(e.editor, EL_SETTY, "-d", "-isig", nullptr);
  el_wset(e.editor, EL_ADDFN, L"halfbyte-interrupt", L"leave the line", &Impl::interrupt);  // el_set leaks copies of the names
  el_set(e.editor, EL_BIND, "^C", "halfbyte-interrupt", nullptr);
  el_set(e.editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
}

LineEditor::~LineEditor() {
  el_end(impl_->editor);
  history_end(impl_->history);
}

LineEditor::Line LineEditor::read(const std::string& prompt) {
  Impl& e = *impl_;
  e.prompt = prompt;
  e.interrupted = false;
  int count = 0;
  const char* typed = el_gets(e.editor, &count);
  if (e.interrupted) {
    // The line that was left stays in the editor's buffer otherwise.
    el_reset(e.editor);
    return {Line::End::kInterrupted, typed == nullptr ? "" : typed};
  }
  if (typed == nullptr || count <= 0) return {Line::End::kClosed, {}};
  std::string text(typed, static_cast<size_t>(count));
  if (text.ends_with('\n')) text.pop_back();
  if (!is_blank(text)) {
    ::history(e.history, &e.event, H_ENTER, typed);
    e.save();
  }
  return {Line::End::kEntered, std::move(text)};
}

}  // namespace halfbyte
