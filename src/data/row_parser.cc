// Appending rows to blocks.
#include "data/row_parser.h"

namespace steelyard::data {

void AppendRow(const ParsedRow& parsed, RowBlock& block) {
  block.rows.push_back(parsed.row);
  block.labels.push_back(parsed.label);
  if (parsed.weight != 1.0F && block.weights.empty()) {
    block.weights.assign(block.rows.size() - 1, 1.0F);
    block.weights.push_back(parsed.weight);
  } else if (!block.weights.empty() || parsed.weight != 1.0F) {
    block.weights.push_back(parsed.weight);
  }
  if (!parsed.values.empty()) {
    if (block.values.empty()) block.values.assign(block.keys.size(), 1.0F);
    block.values.insert(block.values.end(), parsed.values.begin(), parsed.values.end());
  } else if (!block.values.empty()) {
    block.values.resize(block.values.size() + parsed.keys.size(), 1.0F);
  }
  block.keys.insert(block.keys.end(), parsed.keys.begin(), parsed.keys.end());
  block.offsets.push_back(static_cast<std::uint32_t>(block.keys.size()));
}

}  // namespace steelyard::data
