// The routes of OpenAI's API over one loaded model: a body becomes a request of the engine backend, its pieces become events.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "backends/engine_backend.h"
#include "server/exchange.h"

namespace halfbyte::openai {

struct Served {
  EngineBackend& backend;
  std::string model;                          // as clients name it
  int64_t loaded_at = 0;                      // seconds since 1970
  std::function<int64_t()> now;               // the same
  std::function<uint64_t()> random;           // for ids, and for seeds that are not given; from any thread
  std::function<void(std::string_view)> log;  // failures of ours, which clients are not told; from any thread
};

// `served` is copied; its backend outlives the routes.
std::vector<HttpRoute> routes(const Served& served);

// What the transport refuses by itself, in this API's shape.
std::string refusal_body(int status, std::string_view message);

}  // namespace halfbyte::openai
