// Charts as SVG files: lines and bars with axes, ticks and a legend, for light and dark pages.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace steelyard::bench {

struct ChartLine {
  std::string name;                               ///< In the legend.
  std::vector<std::pair<double, double>> points;  ///< (x, y), x increasing from 0 or more.
};

/// Lines over x from 0. Linear: y from 0. Logarithmic: y above 0, a tick for each power of ten.
struct LineChart {
  std::string title;
  std::string x_title;
  bool logarithmic = false;
  std::vector<ChartLine> lines;
};

struct ChartBar {
  double length = 0.0;  ///< 0 or more.
  std::string label;    ///< At its end: "0.52 MB".
};

/// Bars of one name, one of each series.
struct ChartBars {
  std::string name;
  std::vector<ChartBar> bars;
};

/// Horizontal bars from 0.
struct BarChart {
  std::string title;
  std::string x_title;
  std::vector<std::string> series;  ///< A legend, where there are several.
  std::vector<ChartBars> groups;
};

/// Return the chart as a whole SVG document, with one `polyline` a line or one `rect` of class "bar" a bar. Colours follow
/// the reader's choice of light or dark.
std::string ToSvg(const LineChart& chart);
std::string ToSvg(const BarChart& chart);

}  // namespace steelyard::bench
