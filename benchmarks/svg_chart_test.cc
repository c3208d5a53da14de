// Where charts place what they show.
#include "svg_chart.h"

#include <gtest/gtest.h>

#include <string>

namespace steelyard::bench {
namespace {

TEST(SvgChart, PlacesPointsByTheScales) {
  const LineChart chart{.title = "a < b & c",
                        .x_title = "x",
                        .logarithmic = true,
                        .lines = {{.name = "one", .points = {{0, 1}, {5, 0.1}, {10, 0.01}}}}};
  const std::string svg = ToSvg(chart);
  EXPECT_NE(svg.find("a &lt; b &amp; c"), std::string::npos);
  EXPECT_NE(svg.find("points=\"64.0,70.0 358.0,209.0 652.0,348.0\""), std::string::npos) << svg;
  for (const char* const tick : {">1e-2<", ">1e-1<", ">1e0<", ">0<", ">10<"})
    EXPECT_NE(svg.find(tick), std::string::npos) << tick;
}

TEST(SvgChart, AxesEndWithARoundNumber) {
  const BarChart chart{.title = "t",
                       .x_title = "x",
                       .series = {},
                       .groups = {{.name = "n", .bars = {{.length = 87, .label = "87"}}}}};
  const std::string svg = ToSvg(chart);
  EXPECT_NE(svg.find(">90<"), std::string::npos) << svg;
  EXPECT_EQ(svg.find(">100<"), std::string::npos) << svg;
  EXPECT_NE(ToSvg(LineChart{}).find("</svg>"), std::string::npos);
}

}  // namespace
}  // namespace steelyard::bench
