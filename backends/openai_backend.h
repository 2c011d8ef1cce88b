// An OpenAI-style service behind Backend: the original, or any server that speaks its API. open_openai() is its door.
#pragma once

#include "backends/openai_reply.h"
#include "backends/service.h"
#include "halfbyte/backends.h"

namespace halfbyte {

class OpenAIBackend final : public Backend {
 public:
  // `sleep` waits between tries; none: it waits as long as it should.
  static Result<std::unique_ptr<OpenAIBackend>> open(const OpenAIOptions& options, decltype(ServiceOptions::sleep) sleep = {});

  BackendInfo info() const override { return info_; }
  bool supports_tools() const override { return true; }
  Result<InferenceResult> complete(const std::string& prompt, const CompletionOptions& options = {}) override;
  Result<InferenceResult> stream(const std::string& prompt, const CompletionOptions& options, const TextSink& sink) override;
  Result<ChatResult> chat(std::span<const Message> messages, std::span<const Tool> tools = {},
                          const CompletionOptions& options = {.max_new_tokens = 512}) override;
  Result<ChatResult> stream_chat(std::span<const Message> messages, const CompletionOptions& options, const TextSink& sink) override;
  Result<std::vector<std::vector<float>>> embed(std::span<const std::string> texts, std::optional<Pooling> pooling = {},
                                                const std::vector<AdapterUse>& adapters = {}) override;

 private:
  OpenAIBackend(BackendInfo info, Service service, OpenAIOptions::Api api)
      : info_(std::move(info)), service_(std::move(service)), api_(api) {}
  std::string_view path() const;
  Json::Object prompt_fields(const std::string& prompt) const;
  Result<Json> body(const CompletionOptions& options, bool is_stream, Json::Object fields) const;
  OpenAIReply::Route route() const;
  Facts facts(const OpenAIReply& reply, const CompletionOptions& options, const Service::Ended& ended) const;

  BackendInfo info_;
  Service service_;
  OpenAIOptions::Api api_;
};

}  // namespace halfbyte
