// Adapters as PEFT saves them: adapter_config.json and a safetensors file beside it.
#pragma once

#include <filesystem>
#include <string_view>

#include "formats/adapter.h"
#include "formats/checkpoint_texts.h"

namespace halfbyte {

constexpr std::string_view kPeftWeights = "adapter_model.safetensors";

// adapter_config.json, so far as A and B do not say it themselves.
struct PeftConfig {
  // A number for all modules, and others for those that a pattern names; of several that do, the first counts.
  struct ByModule {
    double usual = 0;
    std::vector<std::pair<std::string, double>> patterns;  // a module's name, or its end from a '.' on; after '^' the whole
    double of(std::string_view module) const;
  };
  ByModule rank, alpha;
  bool divides_by_root = false;  // rsLoRA: alpha / sqrt(rank)
  std::vector<std::string> warnings;
  double scale(std::string_view module) const;
};

// `path` names the text in messages. kUnsupported names a setting under which A and B are not the whole change, or not of this model's weights.
Result<PeftConfig> read_peft_config(const Json& config, const std::string& path);

Result<AdapterCheckpoint> open_peft(const std::filesystem::path& folder, std::string_view weights, const AdapterBase& base,
                                    const World& world);

}  // namespace halfbyte
