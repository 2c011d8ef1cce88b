#include "engine/beams.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

namespace halfbyte {
namespace {

std::string remainder(Beams::Beam& beam) {
  std::string text = beam.stop_scanner.push(beam.detokenizer.finish());
  return text + beam.stop_scanner.finish();
}

}  // namespace

// If all end tokens of all beams come first, there are still enough others.
int Beams::looks_at(const Request& request, const Tokenizer& tokenizer) {
  const size_t ends = (request.ignore_eos ? 0 : tokenizer.end_tokens().size()) + request.stop_tokens.size();
  return request.beam_search->width * static_cast<int>(1 + std::max(ends, size_t{1}));
}

Beams::Beams(const Request& request, const Tokenizer& tokenizer)
    : rule_(*request.beam_search),
      max_tokens_(request.max_tokens),
      min_tokens_(request.min_tokens),
      likeliest_(request.logprobs.value_or(0)),
      ignores_ends_(request.ignore_eos),
      stop_tokens_(request.stop_tokens),
      width_(static_cast<size_t>(rule_.width)),
      considered_(static_cast<size_t>(looks_at(request, tokenizer))),
      tokenizer_(tokenizer) {
  live_.push_back({.detokenizer = Detokenizer(tokenizer, request.shows_control_tokens), .stop_scanner = StopScanner(request.stop)});
}

std::vector<size_t> Beams::advance(std::span<const Continuations* const> after) {
  struct Next {
    double sum;
    size_t beam, rank;
  };
  std::vector<Next> all;
  for (size_t b = 0; b < live_.size(); ++b)
    for (size_t rank = 0; rank < std::min(after[b]->first.size(), considered_); ++rank) {
      const Candidate& next = after[b]->first[rank];
      if (end_by(next.token) && static_cast<int>(live_[b].tokens.size()) < min_tokens_) continue;
      all.push_back({live_[b].sum + (static_cast<double>(next.logit) - after[b]->log_sum_exp), b, rank});
    }
  std::ranges::sort(all,
                    [](const Next& x, const Next& y) { return std::tuple(-x.sum, x.beam, x.rank) < std::tuple(-y.sum, y.beam, y.rank); });
  all.resize(std::min(all.size(), considered_));

  std::vector<Beam> live;
  std::vector<size_t> from;
  for (size_t i = 0; i < all.size() && live.size() < width_; ++i) {
    const Continuations& of_beam = *after[all[i].beam];
    Beam beam = extended(live_[all[i].beam], of_beam.first[all[i].rank], of_beam, all[i].sum);
    if (!beam.finished) {
      live.push_back(std::move(beam));
      from.push_back(all[i].beam);
    } else if (i < width_)
      keep(std::move(beam));
  }
  live_ = std::move(live);
  if (live_.empty()) return {};
  if (has_found_enough())
    live_.clear();
  else if (static_cast<int>(live_.front().tokens.size()) >= max_tokens_) {
    for (Beam& beam : live_) {
      beam.finished = FinishReason::kLength;
      beam.text += remainder(beam);
      keep(std::move(beam));
    }
    live_.clear();
  }
  if (live_.empty()) from.clear();
  return from;
}

std::optional<FinishReason> Beams::end_by(Token token) const {
  if (!ignores_ends_ && tokenizer_.ends_generation(token)) return FinishReason::kEnd;
  if (std::ranges::find(stop_tokens_, token) != stop_tokens_.end()) return FinishReason::kStop;
  return {};
}

Beams::Beam Beams::extended(const Beam& beam, const Candidate& next, const Continuations& after, double sum) const {
  Beam longer = beam;
  const auto told = [&](const Candidate& c) { return TokenProbability{c.token, static_cast<double>(c.logit) - after.log_sum_exp}; };
  ReplyToken& token = longer.tokens.emplace_back(ReplyToken{.chosen = told(next)});
  for (size_t i = 0; i < std::min(after.first.size(), static_cast<size_t>(likeliest_)); ++i)
    token.likeliest.push_back(told(after.first[i]));
  longer.sum = sum;
  longer.finished = end_by(next.token);
  longer.ends_with_token = longer.finished.has_value();
  if (longer.finished) {
    longer.text += remainder(longer);
    return longer;
  }
  longer.text += longer.stop_scanner.push(longer.detokenizer.push(next.token));
  if (longer.stop_scanner.found()) longer.finished = FinishReason::kStop;
  return longer;
}

double Beams::score(const Beam& beam) const {
  if (beam.tokens.empty()) return 0;
  return beam.sum / std::pow(static_cast<double>(beam.tokens.size()), static_cast<double>(rule_.length_penalty));
}

// Of equal ones the first.
void Beams::keep(Beam whole) {
  const double own = score(whole);
  const auto behind = std::ranges::find_if(whole_, [&](const Beam& other) { return score(other) < own; });
  whole_.insert(behind, std::move(whole));
  if (whole_.size() > width_) whole_.pop_back();
}

bool Beams::has_found_enough() const {
  if (whole_.size() < width_) return false;
  return rule_.early_stopping || score(live_.front()) <= score(whole_.back());
}

std::vector<Beams::Beam> Beams::best(FinishReason reason) && {
  for (Beam& beam : live_) {
    beam.finished = reason;
    beam.text += remainder(beam);
    keep(std::move(beam));
  }
  std::vector<Beam> all;
  for (Beam& beam : whole_) all.push_back(std::move(beam));
  return all;
}

}  // namespace halfbyte
