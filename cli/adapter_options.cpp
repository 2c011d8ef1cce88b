#include "cli/adapter_options.h"

#include <limits>

#include "base/number.h"

namespace halfbyte {

void ChosenAdapters::add(const std::string& given) {
  constexpr float kMost = std::numeric_limits<float>::max();
  std::string path = given;
  float scale = 1;
  if (const size_t at = given.rfind('='); at != std::string::npos) {
    if (const auto number = parse_number(std::string_view(given).substr(at + 1), -kMost, kMost)) {
      scale = *number;
      path.resize(at);
    }
  }
  files.push_back({path, path});
  uses.push_back({path, scale});
}

void declare_adapters(Arguments& args, ChosenAdapters& adapters) {
  args.repeated("--lora", "FILE[=SCALE]",
                "a LoRA adapter for the model: a .gguf file, or a directory as PEFT writes it; several add up, each times its scale (1)",
                [&adapters](const std::string& given) -> Result<void> {
                  adapters.add(given);
                  return {};
                });
}

}  // namespace halfbyte
