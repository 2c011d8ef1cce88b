#include "cli/serving_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace halfbyte {
namespace {

constexpr double kLeft = 60, kTop = 40, kWidth = 640, kHeight = 320, kMargin = 20;
constexpr double kLeastSeconds = 1e-6;  // a logarithm wants more than 0
constexpr size_t kMostPoints = 400;     // of a curve
constexpr std::string_view kColours[] = {"#4269d0", "#ff725c", "#3ca951", "#a463f2"};

std::string escaped_xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else
      out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out;
}

std::string text_at(double x, double y, std::string_view anchor, std::string_view text, std::string_view colour = "#333") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" fill=\"{}\">{}</text>\n", x, y, anchor, colour, escaped_xml(text));
}

std::string line(double x1, double y1, double x2, double y2) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#ddd\"/>\n", x1, y1, x2, y2);
}

std::string time_text(int exponent) {
  const int above = exponent + 6;  // of a microsecond
  const std::string_view unit = above < 3 ? "us" : above < 6 ? "ms" : "s";
  return fmt::format("{:g} {}", std::pow(10.0, above < 6 ? above % 3 : exponent), unit);
}

}  // namespace

std::string serving_chart(std::string_view title, std::span<const ChartCurve> curves) {
  double least = 1, greatest = 1e-3;
  for (const ChartCurve& curve : curves)
    for (const double value : curve.seconds) {
      least = std::min(least, std::max(value, kLeastSeconds));
      greatest = std::max(greatest, value);
    }
  // Whole decades.
  const int first = static_cast<int>(std::floor(std::log10(least))),
            last = std::max(first + 1, static_cast<int>(std::ceil(std::log10(greatest))));
  const auto x_of = [&](double seconds) {
    return kLeft + kWidth * (std::log10(std::max(seconds, kLeastSeconds)) - first) / (last - first);
  };
  const auto y_of = [](double part) { return kTop + kHeight * (1 - part); };

  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:g}\" height=\"{1:g}\" viewBox=\"0 0 {0:g} {1:g}\" font-family=\"sans-serif\" "
      "font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
      kLeft + kWidth + kMargin, kTop + kHeight + 40);
  out += text_at(kLeft, 20, "start", title);
  for (const int percent : {0, 50, 90, 99}) {
    const double y = y_of(percent / 100.0);
    out += line(kLeft, y, kLeft + kWidth, y) + text_at(kLeft - 6, y + 4, "end", fmt::format("{} %", percent));
  }
  for (int exponent = first; exponent <= last; ++exponent) {
    const double x = x_of(std::pow(10.0, exponent));
    out += line(x, kTop, x, kTop + kHeight) + text_at(x, kTop + kHeight + 18, "middle", time_text(exponent));
  }
  size_t drawn = 0;
  for (const ChartCurve& curve : curves) {
    if (curve.seconds.empty()) continue;
    std::vector<double> sorted = curve.seconds;
    std::ranges::sort(sorted);
    const std::string_view colour = kColours[drawn % std::size(kColours)];
    std::string points;
    const size_t count = std::min(sorted.size(), kMostPoints);
    for (size_t i = 0; i < count; ++i) {
      const size_t at = (i + 1) * sorted.size() / count - 1;  // the last point is the greatest value
      points += fmt::format("{:.1f},{:.1f} ", x_of(sorted[at]), y_of(static_cast<double>(at + 1) / static_cast<double>(sorted.size())));
    }
    out += fmt::format("<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"2\" points=\"{:.1f},{:.1f} {}\"/>\n", colour,
                       x_of(sorted.front()), y_of(0), points);
    out += text_at(kLeft + 8, kTop + 16 + 16 * static_cast<double>(drawn++), "start", curve.name, colour);
  }
  return out + "</svg>\n";
}

}  // namespace halfbyte
