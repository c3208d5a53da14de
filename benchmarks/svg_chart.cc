// Plain SVG text: one style sheet, a frame, and shapes placed by two scales.
#include "svg_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <string_view>

namespace steelyard::bench {
namespace {

constexpr double kWidth = 680;
constexpr double kTop = 70;  // Below title and legend.
constexpr double kBottom = 52;
constexpr double kRight = 28;
constexpr double kLetter = 7.2;  // About the width of one.
constexpr std::size_t kColours = 6;

// Lines differ by their dashes too, for those who cannot tell the colours apart.
constexpr std::string_view kStyle = R"(<style>
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-size: 15px; font-weight: 600 }
.page { fill: #ffffff }
.grid { stroke: #d8dee4 }
.axis { stroke: #8c959f }
.line { fill: none; stroke-width: 2; stroke-linejoin: round }
.s0 { stroke: #0969da } .f0 { fill: #0969da }
.s1 { stroke: #bc4c00; stroke-dasharray: 7 4 } .f1 { fill: #bc4c00 }
.s2 { stroke: #1a7f37; stroke-dasharray: 2 3 } .f2 { fill: #1a7f37 }
.s3 { stroke: #8250df; stroke-dasharray: 9 3 2 3 } .f3 { fill: #8250df }
.s4 { stroke: #bf3989; stroke-dasharray: 4 2 } .f4 { fill: #bf3989 }
.s5 { stroke: #57606a; stroke-dasharray: 12 4 } .f5 { fill: #57606a }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.page { fill: #0d1117 }
.grid { stroke: #30363d }
.axis { stroke: #8b949e }
.s0 { stroke: #58a6ff } .f0 { fill: #58a6ff }
.s1 { stroke: #f0883e } .f1 { fill: #f0883e }
.s2 { stroke: #3fb950 } .f2 { fill: #3fb950 }
.s3 { stroke: #bc8cff } .f3 { fill: #bc8cff }
.s4 { stroke: #f778ba } .f4 { fill: #f778ba }
.s5 { stroke: #8b949e } .f5 { fill: #8b949e }
}
</style>
)";

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '&') {
      escaped += "&amp;";
    } else if (c == '<') {
      escaped += "&lt;";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string Text(double x, double y, std::string_view text, std::string_view anchor = "middle") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", x, y, anchor,
                     Escaped(text));
}

std::string Stroke(double x1, double y1, double x2, double y2, std::string_view kind) {
  return fmt::format(
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>\n", x1, y1, x2,
      y2, kind);
}

std::string Page(std::string_view title, double height, const std::string& shapes) {
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
             "height=\"{1}\" role=\"img\">\n<title>{2}</title>\n",
             kWidth, height, Escaped(title)) +
         std::string(kStyle) + "<rect width=\"100%\" height=\"100%\" class=\"page\"/>\n" +
         fmt::format("<text x=\"16\" y=\"26\" class=\"title\">{}</text>\n", Escaped(title)) +
         shapes + "</svg>\n";
}

std::string Legend(const std::vector<std::string>& names, bool lines) {
  std::string shapes;
  double x = 16;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::size_t colour = i % kColours;
    shapes += lines ? Stroke(x, 48, x + 26, 48, fmt::format("line s{}", colour))
                    : fmt::format(
                          "<rect x=\"{:.1f}\" y=\"42\" width=\"26\" height=\"12\" "
                          "class=\"f{}\"/>\n",
                          x, colour);
    shapes += Text(x + 32, 53, names[i], "start");
    x += 32 + kLetter * static_cast<double>(names[i].size()) + 18;
  }
  return shapes;
}

struct Tick {
  double at = 0.0;  ///< From 0 to 1 along its axis.
  std::string text;
};

/// A value's place along an axis, from 0 to 1. The axis begins and ends with a tick.
struct Scale {
  double low = 0.0;
  double step = 1.0;
  double steps = 1.0;
  bool logarithmic = false;

  static Scale Linear(double most) {
    const double step = StepOf(most > 0.0 ? most : 1.0);
    return {.low = 0.0,
            .step = step,
            .steps = std::max(std::ceil(most / step - 1e-9), 1.0),
            .logarithmic = false};
  }
  /// Powers of ten.
  static Scale Logarithmic(double least, double most) {
    const double low = std::floor(std::log10(least));
    return {.low = low,
            .step = 1.0,
            .steps = std::max(std::ceil(std::log10(most)) - low, 1.0),
            .logarithmic = true};
  }

  double Place(double value) const {
    return ((logarithmic ? std::log10(value) : value) - low) / (step * steps);
  }

  std::vector<Tick> Ticks() const {
    std::vector<Tick> ticks;
    for (double i = 0; i <= steps; ++i) {
      const double value = low + step * i;
      ticks.push_back(
          {.at = i / steps,
           .text = logarithmic ? fmt::format("1e{:.0f}", value) : fmt::format("{:.6g}", value)});
    }
    return ticks;
  }

  /// A round number of which four to ten fit.
  static double StepOf(double most) {
    const double unit = std::pow(10.0, std::floor(std::log10(most)));
    for (const double share : {1.0, 0.5, 0.2}) {
      if (most >= 4 * unit * share) return unit * share;
    }
    return unit * 0.1;
  }
};

}  // namespace

std::string ToSvg(const LineChart& chart) {
  constexpr double kHeight = 400;
  constexpr double kLeft = 64;
  double x_most = 0.0;
  double y_most = 0.0;
  double y_least = INFINITY;
  std::vector<std::string> names;
  for (const ChartLine& line : chart.lines) {
    names.push_back(line.name);
    for (const auto& [x, y] : line.points) {
      x_most = std::max(x_most, x);
      y_most = std::max(y_most, y);
      y_least = std::min(y_least, y);
    }
  }
  const Scale x_scale = Scale::Linear(x_most);
  const Scale y_scale = chart.logarithmic && y_most > 0.0 ? Scale::Logarithmic(y_least, y_most)
                                                          : Scale::Linear(y_most);
  const auto x_of = [](double place) { return kLeft + (kWidth - kRight - kLeft) * place; };
  const auto y_of = [](double place) {
    return kHeight - kBottom - (kHeight - kBottom - kTop) * place;
  };

  std::string shapes = Legend(names, /*lines=*/true);
  for (const Tick& tick : y_scale.Ticks()) {
    shapes += Stroke(x_of(0), y_of(tick.at), x_of(1), y_of(tick.at), "grid");
    shapes += Text(kLeft - 8, y_of(tick.at) + 4, tick.text, "end");
  }
  for (const Tick& tick : x_scale.Ticks()) {
    shapes += Stroke(x_of(tick.at), y_of(0), x_of(tick.at), y_of(0) + 5, "axis");
    shapes += Text(x_of(tick.at), y_of(0) + 20, tick.text);
  }
  shapes += Stroke(x_of(0), y_of(0), x_of(1), y_of(0), "axis");
  shapes += Stroke(x_of(0), y_of(0), x_of(0), y_of(1), "axis");
  shapes += Text(x_of(0.5), kHeight - 12, chart.x_title);
  for (std::size_t i = 0; i < chart.lines.size(); ++i) {
    std::string path;
    for (const auto& [x, y] : chart.lines[i].points) {
      fmt::format_to(std::back_inserter(path), "{}{:.1f},{:.1f}", path.empty() ? "" : " ",
                     x_of(x_scale.Place(x)), y_of(y_scale.Place(y)));
    }
    shapes += fmt::format("<polyline points=\"{}\" class=\"line s{}\"/>\n", path, i % kColours);
  }
  return Page(chart.title, kHeight, shapes);
}

std::string ToSvg(const BarChart& chart) {
  constexpr double kBar = 16;
  constexpr double kGap = 12;
  const bool legend = chart.series.size() > 1;
  const double top = legend ? kTop : kTop - 26;
  double most = 0.0;
  std::size_t letters = 0;
  std::size_t label_letters = 0;
  double bottom = top;
  for (const ChartBars& group : chart.groups) {
    letters = std::max(letters, group.name.size());
    for (const ChartBar& bar : group.bars) {
      most = std::max(most, bar.length);
      label_letters = std::max(label_letters, bar.label.size());
    }
    bottom += kBar * static_cast<double>(group.bars.size()) + kGap;
  }
  const Scale scale = Scale::Linear(most);
  const double left = 24 + kLetter * static_cast<double>(letters);
  const double right = kWidth - kRight - kLetter * static_cast<double>(label_letters);
  const auto x_of = [&](double place) { return left + (right - left) * place; };

  std::string shapes = legend ? Legend(chart.series, /*lines=*/false) : std::string();
  for (const Tick& tick : scale.Ticks()) {
    shapes += Stroke(x_of(tick.at), top, x_of(tick.at), bottom, "grid");
    shapes += Text(x_of(tick.at), bottom + 18, tick.text);
  }
  double y = top + kGap / 2;
  for (const ChartBars& group : chart.groups) {
    const double height = kBar * static_cast<double>(group.bars.size());
    shapes += Text(left - 8, y + height / 2 + 4, group.name, "end");
    for (std::size_t i = 0; i < group.bars.size(); ++i, y += kBar) {
      const double end = x_of(scale.Place(group.bars[i].length));
      shapes += fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" class=\"bar "
          "f{}\"/>\n",
          left, y + 1, end - left, kBar - 2, i % kColours);
      shapes += Text(end + 6, y + kBar - 4, group.bars[i].label, "start");
    }
    y += kGap;
  }
  shapes += Stroke(left, top, left, bottom, "axis");
  shapes += Text(x_of(0.5), bottom + 38, chart.x_title);
  return Page(chart.title, bottom + kBottom, shapes);
}

}  // namespace steelyard::bench
