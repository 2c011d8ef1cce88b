// Computes the masks of constrained sequences while the step's threads compute their logits.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "grammar/constraint.h"

namespace halfbyte {

// One caller at a time; any of the step's threads may wait. Its thread is made when there is first something to do.
class LookAhead {
 public:
  LookAhead() = default;
  LookAhead(const LookAhead&) = delete;
  LookAhead& operator=(const LookAhead&) = delete;
  ~LookAhead();
  // Nobody else uses the constraints while it lasts, unless it has waited.
  class Waiting {
   public:
    explicit Waiting(LookAhead& waited) : waited_(waited) {}
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() { wait(); }
    void wait() const { waited_.wait(); }

   private:
    LookAhead& waited_;
  };
  [[nodiscard]] Waiting begin(std::vector<Constraint*> constraints);

 private:
  void start(std::vector<Constraint*> constraints);
  void wait();
  void loop();

  std::mutex mutex_;
  std::condition_variable has_work_, is_done_;
  std::vector<Constraint*> work_;  // not yet looked ahead
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace halfbyte
