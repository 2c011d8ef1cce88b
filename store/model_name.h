// Names of models, by grammar. What parses here is safe as part of a path: no separators, no "..", no leading dot, ASCII only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace halfbyte {

// Ollama's [host/][namespace/]model[:tag], defaults filled in.
struct OllamaName {
  std::string host = "registry.ollama.ai";
  std::string space = "library";
  std::string model;
  std::string tag = "latest";
};
std::optional<OllamaName> parse_ollama_name(std::string_view name);
std::string short_form(const OllamaName& name);  // without what is default, except the tag

// Hugging Face's [hf.co/]org/repo[:quant].
struct HuggingFaceName {
  std::string organization;
  std::string repository;
  std::string quant;  // "Q4_K_M"; empty: not said
};
std::optional<HuggingFaceName> parse_hugging_face_name(std::string_view name);

std::string lower_case(std::string_view name);
bool equal_but_for_case(std::string_view a, std::string_view b);

// The 64 hex digits of "sha256:<64 lower-case hex digits>".
std::optional<std::string_view> parse_digest(std::string_view digest);

}  // namespace halfbyte
