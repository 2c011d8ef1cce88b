// One backend made of several. open_router() is its door.
#pragma once

#include "halfbyte/backends.h"

namespace halfbyte {

class RouterBackend final : public Backend {
 public:
  static Result<std::unique_ptr<RouterBackend>> open(std::vector<Route> routes, std::shared_ptr<Backend> fallback, std::string name);

  BackendInfo info() const override { return info_; }
  bool supports_tools() const override;
  Result<InferenceResult> complete(const std::string& prompt, const CompletionOptions& options = {}) override;
  Result<InferenceResult> stream(const std::string& prompt, const CompletionOptions& options, const TextSink& sink) override;
  Result<ChatResult> chat(std::span<const Message> messages, std::span<const Tool> tools = {},
                          const CompletionOptions& options = {.max_new_tokens = 512}) override;
  Result<ChatResult> stream_chat(std::span<const Message> messages, const CompletionOptions& options, const TextSink& sink) override;
  Result<std::vector<std::vector<float>>> embed(std::span<const std::string> texts, std::optional<Pooling> pooling = {},
                                                const std::vector<AdapterUse>& adapters = {}) override;

 private:
  struct Candidate {
    Backend* backend;
    std::string why;
  };
  RouterBackend(std::vector<Route> routes, std::shared_ptr<Backend> fallback, BackendInfo info)
      : routes_(std::move(routes)), fallback_(std::move(fallback)), info_(std::move(info)) {}
  std::vector<Candidate> line(const RouteRequest& request) const;
  template <class Answer, class Call, class MayGoOn>
  Result<Answer> ask(const RouteRequest& request, const Call& call, const MayGoOn& may_go_on);

  std::vector<Route> routes_;
  std::shared_ptr<Backend> fallback_;
  BackendInfo info_;
};

}  // namespace halfbyte
