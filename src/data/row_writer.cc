// Numbers in their shortest form that reads back the same; names between their bars.
#include "data/row_writer.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/hash.h"
#include "data/input_files.h"
#include "data/near_miss.h"

namespace steelyard::data {
namespace {

template <typename Number>
void AppendNumber(Number number, std::string& text) {
  std::array<char, 32> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  if (error == std::errc()) text.append(digits.data(), end);
}

/// Why rows of `from` cannot be written as `to`, or "".
std::string WhyNot(Format from, Format to) {
  if (to != Format::kLibsvm && to != Format::kLibfm && to != Format::kVw) {
    return "it is read only; write libsvm, libfm or vw";
  }
  if (from == Format::kLibffm) return "the fields of its features would be lost";
  return {};
}

/// Can VW text hold `name`, or a part of it, between its blanks, bars and colons?
bool FitsVw(std::string_view name) {
  return name.find_first_of(" \t\r\n\v\f|:") == std::string_view::npos;
}

/// "space=feature" in two; no space where there is no '=', or nothing behind it.
std::pair<std::string_view, std::string_view> SplitName(std::string_view name) {
  const std::size_t equals = name.find('=');
  if (equals == std::string_view::npos || equals == 0 || equals + 1 == name.size()) {
    return {{}, name};
  }
  return {name.substr(0, equals), name.substr(equals + 1)};
}

}  // namespace

Result<RowWriter> RowWriter::Make(Format from, Format to, bool binary_labels) {
  const std::string why_not = WhyNot(from, to);
  if (why_not.empty()) return RowWriter(from, to, binary_labels);
  return Status(StatusCode::kInvalidArgument,
                fmt::format("{} cannot become {}: {}", FormatName(from), FormatName(to), why_not));
}

void RowWriter::Learn(const std::vector<std::pair<Key, std::string>>& names) {
  for (const auto& [key, name] : names) names_.try_emplace(key, name);
}

Status RowWriter::Append(const RowBlock& block, std::size_t index, std::string& text) {
  const std::size_t before = text.size();
  Status status =
      to_ == Format::kVw ? AppendNames(block, index, text) : AppendIds(block, index, text);
  if (!status.ok()) text.resize(before);
  return status;
}

Status RowWriter::AppendIds(const RowBlock& block, std::size_t index, std::string& text) const {
  const float label = block.labels[index];
  const float weight = block.Weight(index);
  const bool libfm = to_ == Format::kLibfm;
  if (libfm && weight != 1.0F) {
    return Status(StatusCode::kBadData,
                  fmt::format("libFM has no weights, this row weighs {}; write libsvm", weight));
  }
  if (std::isnan(label)) {
    if (libfm) {
      return Status(StatusCode::kBadData, "libFM needs a label, this row has none; write libsvm");
    }
    text += '?';  // A weight says nothing where there is no label.
  } else {
    // Where labels are optional, a sign tells "+1:0.5" from a feature.
    if (weight != 1.0F && !std::signbit(label)) text += '+';
    AppendNumber(label, text);
    if (weight != 1.0F) {
      text += ':';
      AppendNumber(weight, text);
    }
  }
  for (std::size_t i = block.offsets[index]; i < block.offsets[index + 1]; ++i) {
    text += ' ';
    AppendNumber(IdOfKey(block.keys[i]), text);
    text += ':';
    AppendNumber(block.Value(i), text);
  }
  text += '\n';
  return {};
}

Status RowWriter::AppendNames(const RowBlock& block, std::size_t index, std::string& text) const {
  const float label = block.labels[index];
  if (!std::isnan(label)) {
    AppendNumber(binary_labels_ && label == 0.0F ? -1.0F : label, text);
    text += ' ';
    if (block.Weight(index) != 1.0F) {
      AppendNumber(block.Weight(index), text);
      text += ' ';
    }
  }
  std::optional<std::string_view> space;  // The one that the line is in.
  std::string id;
  for (std::size_t i = block.offsets[index]; i < block.offsets[index + 1]; ++i) {
    std::string_view name;
    if (KeysAreIds(from_)) {
      id.clear();
      AppendNumber(IdOfKey(block.keys[i]), id);
      name = id;
    } else {
      const auto found = names_.find(block.keys[i]);
      if (found == names_.end()) {
        return Status(StatusCode::kBadData, "two features of different names have the same key");
      }
      name = found->second;
    }
    const auto [its_space, feature] = SplitName(name);
    if (!FitsVw(name)) {
      return Status(StatusCode::kBadData,
                    fmt::format("VW text cannot hold the name {}, because of its blank, bar or "
                                "colon; write libsvm, where it is a number",
                                Quoted(name)));
    }
    if (space != its_space) {
      if (space) text += ' ';
      text.append("|").append(its_space);
      space = its_space;
    }
    text.append(" ").append(feature);
    if (block.Value(i) == 1.0F) continue;
    text += ':';
    AppendNumber(block.Value(i), text);
  }
  text += space ? "\n" : "|\n";
  return {};
}

}  // namespace steelyard::data
