// Planted rows as text, and the same with a number put behind every feature.
#include "micro/parse_inputs.h"

#include <fmt/format.h>

#include <iterator>
#include <random>
#include <utility>

#include "data/criteo.h"
#include "data/input_files.h"
#include "data/planted.h"

namespace steelyard {
namespace {

std::string PlantedRowsAs(data::Format format, std::uint64_t rows, std::string& schema) {
  data::PlantedOptions options;
  if (format == data::Format::kCriteo) options.integer_fields = data::kCriteoIntegers;
  const auto model = data::PlantedModel::Make(options);
  auto writer = data::PlantedText::Make(model.value(), format);
  data::PlantedRows source(model.value(), 1);
  data::PlantedRow row;
  std::string text = writer.value().Header();
  for (std::uint64_t i = 0; i < rows; ++i) {
    source.Next(row);
    writer.value().Append(row, text);
  }
  schema = writer.value().SchemaText();
  return text;
}

/// `text` with a number of six digits in place of the 1 of each "id:1", or behind each feature of "|space feature".
std::string WithValues(const std::string& text) {
  std::mt19937_64 random(1);
  std::string valued;
  const auto append_number = [&] {
    fmt::format_to(std::back_inserter(valued), "0.{:06}", random() % 1'000'000);
  };
  const bool ids = text.find(':') != std::string::npos;
  int words = 0;  // Since the last bar or line end.
  for (const char c : text) {
    const bool word_ends = c == ' ' || c == '\n';
    words += word_ends ? 1 : 0;
    if (ids && word_ends && valued.ends_with(":1")) {
      valued.pop_back();
      append_number();
    }
    if (!ids && word_ends && words == 2) {
      valued += ':';
      append_number();
    }
    if (c == '|' || c == '\n') words = 0;
    valued += c;
  }
  return valued;
}

/// A table of numbers between -10 and 10, each a numeric feature.
ParseInput NumericTable(std::uint64_t rows) {
  constexpr int kColumns = 39;
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> number(-10, 10);
  ParseInput input{.name = "csv, numbers", .format = data::Format::kCsv};
  input.text = "label";
  input.schema = "[label]\ncolumn = \"label\"\n[features]\n";
  for (int i = 0; i < kColumns; ++i) {
    input.text += fmt::format(",x{}", i);
    input.schema += fmt::format("x{} = {{ column = \"x{}\", numeric = true }}\n", i, i);
  }
  for (std::uint64_t row = 0; row < rows; ++row) {
    input.text += fmt::format("\n{}", random() % 2);
    for (int i = 0; i < kColumns; ++i) input.text += fmt::format(",{:.6g}", number(random));
  }
  input.text += '\n';
  return input;
}

}  // namespace

std::vector<ParseInput> MakeParseInputs(std::uint64_t rows) {
  using data::Format;
  std::vector<ParseInput> inputs;
  for (const Format format :
       {Format::kLibsvm, Format::kLibffm, Format::kVw, Format::kCriteo, Format::kCsv}) {
    ParseInput input{.name = std::string(data::FormatName(format)), .format = format};
    input.text = PlantedRowsAs(format, rows, input.schema);
    if (format != Format::kCsv) input.schema.clear();
    const bool takes_values = data::KeysAreIds(format) || format == Format::kVw;
    std::string valued = takes_values ? WithValues(input.text) : std::string();
    inputs.push_back(std::move(input));
    if (!takes_values) continue;
    inputs.push_back(
        {.name = inputs.back().name + ", values", .format = format, .text = std::move(valued)});
  }
  inputs.push_back(NumericTable(rows));
  return inputs;
}

}  // namespace steelyard
