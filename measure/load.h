// A load: the requests that many clients would make. Everything in it follows from a seed.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "halfbyte/engine.h"
#include "measure/lengths.h"

namespace halfbyte {

struct LoadOptions {
  Lengths prompt, reply;
  int shared_prefix = 0;       // tokens before every prompt, the same in all
  std::vector<Token> text;     // prompts are stretches of it; empty: random tokens
  std::optional<double> rate;  // requests a second, as a Poisson process; absent: all are due at once
  float temperature = 0;
  std::vector<AdapterUse> adapters;  // of every request
  uint64_t seed = 0;
};

struct LoadRequest {
  Request request;  // ends after exactly max_tokens
  double due = 0;   // seconds after the load's start
};

class Load {
 public:
  // kTooLong: prefix, prompt and reply together could pass `context`. What is lognormal is cut to fit.
  static Result<Load> create(LoadOptions options, int vocabulary, int context);
  LoadRequest next();
  int longest() const { return longest_; }  // prefix, prompt and reply of a request together, at most

 private:
  Load(LoadOptions options, int vocabulary, int room);
  void add_tokens(std::vector<Token>& tokens, int count);

  LoadOptions options_;
  int vocabulary_, room_, longest_;
  // One each, so that another length does not change who comes when.
  std::mt19937_64 arrivals_, prompt_lengths_, reply_lengths_, tokens_;
  std::vector<Token> prefix_;
  double due_ = 0;
  uint64_t made_ = 0;
};

}  // namespace halfbyte
