// A reply on stdout: the answer as it comes; what the model thinks first apart from it, or not at all.
#pragma once

#include <functional>
#include <string_view>

namespace halfbyte {

enum class Part { kThought, kAnswer };

// Between "Thinking..." and "...done thinking.", as Ollama shows it; dimmed on a terminal.
class ReplyPrinter {
 public:
  using Print = std::function<void(std::string_view)>;
  // `print` gets marks and colours, `foreign` what the model says.
  ReplyPrinter(bool shows_thoughts, bool dims, Print print, Print foreign);
  // On stdout.
  explicit ReplyPrinter(bool shows_thoughts);

  void put(Part part, std::string_view text);
  void close();  // the reply has ended, in a thought perhaps

 private:
  bool shows_thoughts_, dims_;
  bool is_thinking_ = false;
  Print print_, foreign_;
};

}  // namespace halfbyte
