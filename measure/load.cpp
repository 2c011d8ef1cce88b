#include "measure/load.h"

#include <algorithm>
#include <cmath>

#include "base/errors.h"

namespace halfbyte {
namespace {

std::mt19937_64 stream(uint64_t seed, uint32_t number) {
  std::seed_seq words{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32), number};
  return std::mt19937_64(words);
}

}  // namespace

Result<Load> Load::create(LoadOptions options, int vocabulary, int context) {
  // A lognormal length shares what the other one leaves of the context.
  const int room = context - options.shared_prefix;
  const int prompt = options.prompt.greatest(1), reply = options.reply.greatest(1);
  if (room < prompt + reply)
    return too_long("a prefix of {} tokens, a prompt of {} and a reply of {}: the context is {}", options.shared_prefix, prompt, reply,
                    context);
  return Load(std::move(options), vocabulary, room);
}

Load::Load(LoadOptions options, int vocabulary, int room)
    : options_(std::move(options)),
      vocabulary_(vocabulary),
      room_(room),
      longest_(options_.shared_prefix + std::min(room, options_.prompt.greatest(room) + options_.reply.greatest(room))),
      arrivals_(stream(options_.seed, 1)),
      prompt_lengths_(stream(options_.seed, 2)),
      reply_lengths_(stream(options_.seed, 3)),
      tokens_(stream(options_.seed, 4)) {
  add_tokens(prefix_, options_.shared_prefix);
}

// More tokens: a stretch of the text, begun again at its end, or random ones.
void Load::add_tokens(std::vector<Token>& tokens, int count) {
  const auto below = [&](size_t most) { return static_cast<size_t>(uniform(tokens_) * static_cast<double>(most)); };
  size_t at = options_.text.empty() ? 0 : below(options_.text.size());
  for (int i = 0; i < count; ++i) {
    if (options_.text.empty()) {
      tokens.push_back(static_cast<Token>(below(static_cast<size_t>(vocabulary_))));
    } else {
      tokens.push_back(options_.text[at]);
      at = (at + 1) % options_.text.size();
    }
  }
}

LoadRequest Load::next() {
  LoadRequest next{.request = {.adapters = options_.adapters,
                               .sampling = {.temperature = options_.temperature, .seed = options_.seed + made_++},
                               .ignore_eos = true,
                               .shows_control_tokens = true},
                   .due = due_};
  if (options_.rate) next.due = due_ -= std::log(1 - uniform(arrivals_)) / *options_.rate;
  const int prompt = options_.prompt.draw(prompt_lengths_, room_ - options_.reply.greatest(1));
  next.request.prompt = prefix_;
  add_tokens(next.request.prompt, prompt);
  next.request.max_tokens = options_.reply.draw(reply_lengths_, room_ - prompt);
  return next;
}

}  // namespace halfbyte
