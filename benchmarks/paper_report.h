// What the paper's comparison found, as tables, as JSON and as pictures.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bench_row.h"
#include "paper_bench.h"

namespace steelyard::bench {

/// The figures that have a peer: time to 1e-3 of the best objective, bytes with filters.
std::vector<BenchRow> PaperRows(const PaperFigures& figures);

/// A table of runs, then PaperRows().
std::string FormatPaper(const PaperFigures& figures);

/// One object, with PaperRows() in `rows`.
std::string PaperJson(const PaperFigures& figures);

/// (file name, content): objective.svg, idle.svg, traffic.svg, settled.svg.
std::vector<std::pair<std::string, std::string>> PaperPictures(const PaperFigures& figures);

}  // namespace steelyard::bench
