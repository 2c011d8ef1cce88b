// What a manifest of an Ollama store says: the layers of a model and the blobs they lie in.
// Source: the Docker image manifest, version 2 schema 2, with Ollama's media types (application/vnd.ollama.image.*).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "halfbyte/result.h"

namespace halfbyte {

// Digests are 64 hex digits; empty: the manifest has no such layer.
struct OllamaManifest {
  std::string model, system, parameters;
  bool has_template = false;       // a prompt template in Go's language, which this build does not read
  std::vector<std::string> notes;  // layers that change how the model answers and are not taken, one line each
};

// `path` names the text in messages. kCorrupt: no manifest, no model layer, a digest that is none. kUnsupported: a layer without which
// another model would answer (an adapter), or two models.
Result<OllamaManifest> parse_ollama_manifest(std::string_view text, const std::string& path);

}  // namespace halfbyte
