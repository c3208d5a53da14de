// One table of names: what each takes, and where it puts it.
#include "filter/filter_list.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <vector>

#include "base/near_miss.h"

namespace steelyard::filter {
namespace {

/// A name, the form of its argument (empty: none), and what stores it; false: the argument is not of that form.
struct Known {
  std::string_view name;
  std::string_view form;
  bool (*set)(std::string_view argument, FilterList& list);
};

template <bool FilterList::*kFlag>
bool SetFlag(std::string_view /*argument*/, FilterList& list) {
  list.*kFlag = true;
  return true;
}

template <CodecId kId>
bool SetBytes(std::string_view /*argument*/, FilterList& list) {
  list.bytes = kId;
  return true;
}

bool ParseNumber(std::string_view text, double& number) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

bool SetSignificant(std::string_view argument, FilterList& list) {
  double threshold = 0;
  if (!ParseNumber(argument, threshold) || !(threshold > 0 && threshold <= 1e30)) return false;
  list.significant = threshold;
  return true;
}

bool SetSkip(std::string_view argument, FilterList& list) {
  double probability = 0;
  if (!ParseNumber(argument, probability) || !(probability >= 1e-6 && probability <= 1))
    return false;
  list.skip = probability;
  return true;
}

bool SetFixed(std::string_view argument, FilterList& list) {
  if (argument.size() != 1 || argument[0] < '1' || argument[0] > '3') return false;
  list.fixed = argument[0] - '0';
  return true;
}

/// In the order in which they are applied; FilterStack follows it.
constexpr std::array<Known, 11> kKnown{{
    {"kkt", "", SetFlag<&FilterList::kkt>},
    {"significant", "a threshold above 0, e.g. significant:0.1", SetSignificant},
    {"feedback", "", SetFlag<&FilterList::feedback>},
    {"skip", "a probability from 0.000001 to 1, e.g. skip:0.5", SetSkip},
    {"fixed", "1, 2 or 3 bytes, e.g. fixed:2", SetFixed},
    {"sparse", "", SetFlag<&FilterList::sparse>},
    {"key-cache", "", SetFlag<&FilterList::key_cache>},
    {"delta", "", SetFlag<&FilterList::delta>},
    {"zeros", "", SetFlag<&FilterList::zeros>},
    {"lz4", "", SetBytes<CodecId::kLz4>},
    {"snappy", "", SetBytes<CodecId::kSnappy>},
}};

Status Invalid(std::string message) {
  return {StatusCode::kInvalidArgument, std::move(message), "filters"};
}

Status UnknownName(std::string_view name) {
  std::vector<std::string_view> names;
  std::string all;
  for (const Known& known : kKnown) {
    names.push_back(known.name);
    if (!all.empty()) all += ", ";
    all += known.name;
  }
  return Invalid("there is no filter '" + std::string(name) + "'" + DidYouMean(name, names) +
                 " (known: " + all + ")");
}

/// One item between commas.
Status ParseItem(std::string_view item, FilterList& list, std::vector<const Known*>& seen) {
  const std::size_t colon = item.find(':');
  const std::string_view name = item.substr(0, colon);
  for (const Known& known : kKnown) {
    if (known.name != name) continue;
    const std::string quoted = "'" + std::string(item) + "'";
    for (const Known* const earlier : seen) {
      if (earlier == &known) return Invalid(quoted + ": " + std::string(name) + " is named twice");
    }
    seen.push_back(&known);
    if (known.form.empty() && colon != std::string_view::npos) {
      return Invalid(quoted + ": " + std::string(name) + " takes no argument");
    }
    const std::string_view argument =
        colon == std::string_view::npos ? std::string_view() : item.substr(colon + 1);
    if (!known.set(argument, list)) return Invalid(quoted + ": needs " + std::string(known.form));
    return {};
  }
  return UnknownName(name);
}

std::string NumberText(double number) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

/// One list.
Result<FilterList> ParseDirection(std::string_view text) {
  FilterList list;
  if (text == "none") return list;
  if (text.empty()) return Invalid("an empty list; for no filters say none");
  std::vector<const Known*> seen;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    SY_RETURN_IF_ERROR(ParseItem(text.substr(begin, end - begin), list, seen));
    begin = end + 1;
  }
  std::size_t byte_codecs = 0;
  for (const Known* const known : seen) {
    byte_codecs += known->name == "lz4" || known->name == "snappy" ? 1 : 0;
  }
  if (byte_codecs > 1) return Invalid("lz4 and snappy do the same; name one of them");
  if (list.feedback && !list.skip && !list.fixed) {
    return Invalid("feedback has nothing to bring back; name skip or fixed with it");
  }
  return list;
}

/// The list of pulls. Errors: kInvalidArgument  it has what changes values.
Result<PullFilters> ParsePulls(std::string_view text) {
  const Result<FilterList> list = ParseDirection(text);
  if (!list.ok()) return list.status();
  if (!list.value().changes_values()) return list.value().of_pulls();
  return Invalid("'" + std::string(text) +
                 "': what is pulled is not changed; behind the / are key-cache, delta, zeros, lz4 "
                 "and snappy, or none");
}

std::string Joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text.empty() ? "none" : text;
}

std::vector<std::string> NamesOf(const PullFilters& codecs) {
  std::vector<std::string> names;
  if (codecs.key_cache) names.emplace_back("key-cache");
  if (codecs.delta) names.emplace_back("delta");
  if (codecs.zeros) names.emplace_back("zeros");
  if (codecs.bytes) names.emplace_back(*codecs.bytes == CodecId::kLz4 ? "lz4" : "snappy");
  return names;
}

}  // namespace

Result<FilterList> ParseFilterList(std::string_view text) {
  const std::size_t slash = text.find('/');
  Result<FilterList> list = ParseDirection(text.substr(0, slash));
  if (!list.ok() || slash == std::string_view::npos) return list;
  const Result<PullFilters> pulls = ParsePulls(text.substr(slash + 1));
  if (!pulls.ok()) return pulls.status();
  list.value().pulls = pulls.value();
  return list;
}

bool FilterList::changes_values() const {
  return kkt || significant || skip || fixed || feedback || sparse;
}

PullFilters FilterList::of_pulls() const {
  return pulls.value_or(
      PullFilters{.key_cache = key_cache, .delta = delta, .zeros = zeros, .bytes = bytes});
}

std::string FilterList::ToString() const {
  std::vector<std::string> names;
  if (kkt) names.emplace_back("kkt");
  if (significant) names.push_back("significant:" + NumberText(*significant));
  if (feedback) names.emplace_back("feedback");
  if (skip) names.push_back("skip:" + NumberText(*skip));
  if (fixed) names.push_back("fixed:" + std::to_string(*fixed));
  if (sparse) names.emplace_back("sparse");
  std::ranges::copy(
      NamesOf({.key_cache = key_cache, .delta = delta, .zeros = zeros, .bytes = bytes}),
      std::back_inserter(names));
  return Joined(names) + (pulls ? "/" + Joined(NamesOf(*pulls)) : "");
}

}  // namespace steelyard::filter
