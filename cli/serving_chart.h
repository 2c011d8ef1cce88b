// Latencies as a picture: of each kind, how many percent took at most so long.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace halfbyte {

struct ChartCurve {
  std::string_view name;
  std::vector<double> seconds;
};

// SVG, a curve for each kind that has values over a logarithmic scale of times. `title` is any text.
std::string serving_chart(std::string_view title, std::span<const ChartCurve> curves);

}  // namespace halfbyte
