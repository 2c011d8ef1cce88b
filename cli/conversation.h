// What a chat remembers.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "text/chat_template.h"

namespace halfbyte {

class Conversation {
 public:
  explicit Conversation(std::string system) : system_(std::move(system)) {}

  const std::string& system() const { return system_; }
  void set_system(std::string text) { system_ = std::move(text); }  // empty: none

  void ask(std::string text) { turns_.push_back({"user", std::move(text)}); }
  void answer(std::string text) { turns_.push_back({"assistant", std::move(text)}); }
  void take_back_question() { turns_.pop_back(); }  // the last turn is a question
  void clear() { turns_.clear(); }
  void forget_oldest(size_t turns);  // Requires: so many, questions and answers, are there

  std::vector<Message> messages() const;  // the system message first, if there is one

 private:
  std::string system_;
  std::vector<Message> turns_;  // questions and answers in turn
};

}  // namespace halfbyte
