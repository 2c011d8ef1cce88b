// An Ollama server, or anything that speaks its API, behind Backend. open_ollama() is its door.
#pragma once

#include "backends/service.h"
#include "halfbyte/backends.h"

namespace halfbyte {

class OllamaReply;

class OllamaBackend final : public Backend {
 public:
  static Result<std::unique_ptr<OllamaBackend>> open(const OllamaOptions& options);

  BackendInfo info() const override { return info_; }
  bool supports_tools() const override { return true; }
  Result<InferenceResult> complete(const std::string& prompt, const CompletionOptions& options = {}) override;
  Result<InferenceResult> stream(const std::string& prompt, const CompletionOptions& options, const TextSink& sink) override;
  Result<ChatResult> chat(std::span<const Message> messages, std::span<const Tool> tools = {},
                          const CompletionOptions& options = {.max_new_tokens = 512}) override;
  Result<ChatResult> stream_chat(std::span<const Message> messages, const CompletionOptions& options, const TextSink& sink) override;
  Result<std::vector<std::vector<float>>> embed(std::span<const std::string> texts, std::optional<Pooling> pooling = {},
                                                const std::vector<AdapterUse>& adapters = {}) override;

  Result<std::vector<std::string>> model_ids() const;

 private:
  OllamaBackend(BackendInfo info, Service service, std::optional<Json> think)
      : info_(std::move(info)), service_(std::move(service)), think_(std::move(think)) {}
  Result<Json> body(const CompletionOptions& options, bool is_stream, Json::Object fields) const;
  Facts facts(const OllamaReply& reply, const CompletionOptions& options, bool is_cancelled) const;

  BackendInfo info_;
  Service service_;
  std::optional<Json> think_;
};

}  // namespace halfbyte
