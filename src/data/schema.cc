// Reading schemas. The only file that includes toml++.
#include "data/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <utility>

#include "data/label.h"
#include "data/near_miss.h"

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include "base/toml.h"

namespace steelyard::data {
namespace {

constexpr std::array<std::pair<const char*, Part>, 4> kParts = {{
    {"hour", Part::kHour},
    {"weekday", Part::kWeekday},
    {"month-day", Part::kMonthDay},
    {"minute-of-day", Part::kMinuteOfDay},
}};

int LineOf(const toml::node& node) {
  return static_cast<int>(node.source().begin.line);
}

/// Reads one schema; the first error stops it.
class SchemaReader {
 public:
  explicit SchemaReader(const std::string& file) { schema_.file = file; }

  Result<Schema> Read(const toml::table& root) {
    if (!OnlyKeys(root, "table", {"label", "weight", "order", "features", "crosses"}))
      return error_;
    const bool read = ReadLabel(root) && ReadWeight(root) && ReadOrder(root) &&
                      ReadFeatures(root) && ReadCrosses(root);
    if (!read) return error_;
    return std::move(schema_);
  }

 private:
  bool Fail(int line, std::string message) {
    error_ = Status(StatusCode::kBadData, std::move(message),
                    line > 0 ? fmt::format("{}:{}", schema_.file, line) : schema_.file);
    return false;
  }

  bool OnlyKeys(const toml::table& table, const char* what,
                std::initializer_list<std::string> known) {
    const std::vector<std::string> names(known);
    for (const auto& [key, node] : table) {
      if (std::find(names.begin(), names.end(), key.str()) != names.end()) continue;
      std::string hint = DidYouMean(key.str(), names);
      if (hint.empty()) hint = fmt::format("; known are {}", fmt::join(names, ", "));
      return Fail(static_cast<int>(key.source().begin.line),
                  fmt::format("unknown {} '{}'{}", what, key.str(), hint));
    }
    return true;
  }

  /// The sub-table `name` of the root, nullptr when absent; an error when it is no table.
  bool Table(const toml::table& root, const char* name, const toml::table*& table) {
    const toml::node* const node = root.get(name);
    table = node ? node->as_table() : nullptr;
    if (node != nullptr && table == nullptr) {
      return Fail(LineOf(*node), fmt::format("'{}' must be a table: [{}]", name, name));
    }
    return true;
  }

  /// A value of one type under `key`; absent leaves `out` as it is.
  template <typename T>
  bool Value(const toml::table& table, const char* key, const char* type, T& out) {
    const toml::node* const node = table.get(key);
    if (node == nullptr) return true;
    const std::optional<T> value = node->value_exact<T>();
    if (!value) return Fail(LineOf(*node), fmt::format("'{}' must be {}", key, type));
    out = *value;
    return true;
  }

  bool Column(const toml::table& table, const char* key, const char* owner, ColumnUse& use) {
    const toml::node* const node = table.get(key);
    if (node == nullptr) {
      return Fail(LineOf(table),
                  fmt::format("{} needs {} = \"...\", the name of a column", owner, key));
    }
    use.line = LineOf(*node);
    if (!Value(table, key, "text: the name of a column", use.column)) return false;
    return !use.column.empty() || Fail(use.line, fmt::format("'{}' names no column", key));
  }

  bool ReadLabel(const toml::table& root) {
    const toml::table* table = nullptr;
    if (!Table(root, "label", table)) return false;
    if (table == nullptr) return true;
    if (!OnlyKeys(*table, "key in [label]", {"column", "positive"})) return false;
    if (!Column(*table, "column", "[label]", schema_.label)) return false;
    if (!Value(*table, "positive", "text: a rule such as \"> 15\"", schema_.positive)) return false;
    if (schema_.positive.empty()) return true;
    const Result<LabelRule> rule = LabelRule::Parse(schema_.positive);
    return rule.ok() || Fail(LineOf(*table->get("positive")), rule.status().message());
  }

  bool ReadWeight(const toml::table& root) {
    const toml::table* table = nullptr;
    if (!Table(root, "weight", table)) return false;
    if (table == nullptr) return true;
    return OnlyKeys(*table, "key in [weight]", {"column"}) &&
           Column(*table, "column", "[weight]", schema_.weight);
  }

  bool ReadOrder(const toml::table& root) {
    const toml::table* table = nullptr;
    if (!Table(root, "order", table)) return false;
    if (table == nullptr) return true;
    return OnlyKeys(*table, "key in [order]", {"by"}) &&
           Column(*table, "by", "[order]", schema_.order);
  }

  bool ReadFeatures(const toml::table& root) {
    const toml::table* table = nullptr;
    if (!Table(root, "features", table)) return false;
    if (table == nullptr || table->empty()) {
      return Fail(0, "the schema names no features: [features] is missing or empty");
    }
    for (const auto& [key, node] : *table) {
      if (!ReadFeature(std::string(key.str()), node)) return false;
    }
    // toml++ gives keys in alphabetical order.
    std::stable_sort(
        schema_.features.begin(), schema_.features.end(),
        [](const FeatureSpec& a, const FeatureSpec& b) { return a.column.line < b.column.line; });
    return true;
  }

  bool ReadFeature(const std::string& name, const toml::node& node) {
    const toml::table* const table = node.as_table();
    if (table == nullptr) {
      return Fail(
          LineOf(node),
          fmt::format("feature '{}' must be a table: {} = {{ column = \"...\" }}", name, name));
    }
    if (name.empty() || name.find_first_of("*=,") != std::string::npos) {
      return Fail(LineOf(node),
                  fmt::format("feature name '{}' may not be empty or hold * = ,", name));
    }
    FeatureSpec feature;
    feature.name = name;
    const std::string owner = fmt::format("feature '{}'", name);
    if (!OnlyKeys(*table, fmt::format("key in {}", owner).c_str(),
                  {"column", "part", "width", "alone", "numeric"})) {
      return false;
    }
    if (!Column(*table, "column", owner.c_str(), feature.column)) return false;
    if (!Value(*table, "alone", "true or false", feature.alone)) return false;
    if (!Value(*table, "numeric", "true or false", feature.numeric)) return false;
    if (!ReadPart(*table, feature) || !ReadWidth(*table, feature)) return false;
    if (feature.numeric &&
        (!feature.alone || feature.width > 0 || feature.part == Part::kMonthDay)) {
      return Fail(LineOf(node),
                  fmt::format("numeric {} takes a column's number as it is: no width, no "
                              "alone = false, no part = \"month-day\"",
                              owner));
    }
    schema_.features.push_back(std::move(feature));
    return true;
  }

  bool ReadPart(const toml::table& table, FeatureSpec& feature) {
    std::string text;
    if (!Value(table, "part", "text", text)) return false;
    if (table.get("part") == nullptr) return true;
    std::vector<std::string> names;
    for (const auto& [name, part] : kParts) {
      names.emplace_back(name);
      if (text != name) continue;
      feature.part = part;
      return true;
    }
    std::string hint = DidYouMean(text, names);
    if (hint.empty()) hint = fmt::format("; parts of a time are {}", fmt::join(names, ", "));
    return Fail(LineOf(*table.get("part")), fmt::format("unknown part '{}'{}", text, hint));
  }

  bool ReadWidth(const toml::table& table, FeatureSpec& feature) {
    const toml::node* const node = table.get("width");
    if (node == nullptr) return true;
    const double width = node->is_number() ? node->value<double>().value_or(0) : 0;
    if (!(width > 0) || !std::isfinite(width)) {
      return Fail(LineOf(*node), "'width' must be a number above 0: the size of a bucket");
    }
    if (feature.part == Part::kMonthDay) return Fail(LineOf(*node), "a month-day has no width");
    feature.width = width;
    return true;
  }

  bool ReadCrosses(const toml::table& root) {
    const toml::table* table = nullptr;
    if (!Table(root, "crosses", table)) return false;
    if (table == nullptr) return true;
    if (!OnlyKeys(*table, "key in [crosses]", {"use"})) return false;
    const toml::node* const node = table->get("use");
    const toml::array* const list = node ? node->as_array() : nullptr;
    if (list == nullptr) {
      return Fail(LineOf(*table),
                  "[crosses] needs use = [\"a*b\", ...], a list of names of features");
    }
    for (const toml::node& item : *list) {
      const std::optional<std::string> text = item.value_exact<std::string>();
      if (!text) return Fail(LineOf(item), "a cross must be text: \"a*b\"");
      if (!ReadCross(*text, LineOf(item))) return false;
    }
    return true;
  }

  bool ReadCross(const std::string& text, int line) {
    std::vector<std::string> names;
    names.reserve(schema_.features.size());
    for (const FeatureSpec& feature : schema_.features) names.push_back(feature.name);
    CrossSpec cross;
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t star = std::min(text.find('*', at), text.size());
      std::string name = text.substr(at, star - at);
      name.erase(0, name.find_first_not_of(' '));
      name.erase(name.find_last_not_of(' ') + 1);
      at = star + 1;
      const auto found = std::find(names.begin(), names.end(), name);
      if (found == names.end()) {
        return Fail(line, fmt::format("cross '{}' uses the unknown feature '{}'{}", text, name,
                                      DidYouMean(name, names)));
      }
      const auto index = static_cast<std::uint32_t>(found - names.begin());
      if (schema_.features[index].numeric) {
        return Fail(line, fmt::format("cross '{}' uses the numeric feature '{}'; give the column a "
                                      "second feature with a width and cross that",
                                      text, name));
      }
      if (std::find(cross.features.begin(), cross.features.end(), index) != cross.features.end()) {
        return Fail(line, fmt::format("cross '{}' uses '{}' twice", text, name));
      }
      cross.features.push_back(index);
      cross.name += (cross.name.empty() ? "" : "*") + name;
    }
    if (cross.features.size() < 2) {
      return Fail(line, fmt::format("cross '{}' needs at least two features: \"a*b\"", text));
    }
    const auto same = [&](const CrossSpec& other) { return other.name == cross.name; };
    if (std::any_of(schema_.crosses.begin(), schema_.crosses.end(), same)) {
      return Fail(line, fmt::format("cross '{}' is listed twice", text));
    }
    schema_.crosses.push_back(std::move(cross));
    return true;
  }

  Schema schema_;
  Status error_;
};

}  // namespace

Result<Schema> ParseSchema(std::string_view text, const std::string& file) {
  const toml::parse_result parsed = toml::parse(text, file);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return Status(StatusCode::kBadData, fmt::format("not TOML: {}", error.description()),
                  fmt::format("{}:{}", file, error.source().begin.line));
  }
  return SchemaReader(file).Read(parsed.table());
}

Result<std::uint32_t> FindColumn(const ColumnUse& use, std::span<const std::string> columns,
                                 const std::string& schema_file, const std::string& data_file) {
  const auto found = std::find(columns.begin(), columns.end(), use.column);
  const std::string where = use.line > 0 ? fmt::format("{}:{}", schema_file, use.line) : data_file;
  if (found != columns.end()) {
    if (std::find(found + 1, columns.end(), use.column) == columns.end()) {
      return static_cast<std::uint32_t>(found - columns.begin());
    }
    return Status(StatusCode::kBadData,
                  fmt::format("{} has two columns '{}'; rename one", data_file, use.column), where);
  }
  std::string hint = DidYouMean(use.column, columns);
  if (hint.empty()) {
    constexpr std::size_t kShownMax = 12;
    const auto shown = columns.first(std::min(columns.size(), kShownMax));
    hint = fmt::format("; its columns are {}{}", fmt::join(shown, ", "),
                       columns.size() > kShownMax ? ", ..." : "");
  }
  return Status(StatusCode::kBadData,
                fmt::format("no column '{}' in {}{}", use.column, data_file, hint), where);
}

std::string ExampleSchema(std::span<const std::string> columns) {
  const auto quoted = [](const std::string& name) {
    std::string text = "\"";
    for (const char c : name) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    return text + '"';
  };
  const auto key = [&](const std::string& name) {
    constexpr const char* kBare =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    const bool bare = !name.empty() && name.find_first_not_of(kBare) == std::string::npos;
    return bare ? name : quoted(name);
  };
  const std::vector<std::string> usual = {"label", "click", "clicked", "target", "class", "y"};
  std::string label = columns.empty() ? "label" : columns[0];
  for (const std::string& column : columns) {
    if (std::find(usual.begin(), usual.end(), column) != usual.end()) label = column;
  }
  std::string text = fmt::format("  [label]\n  column = {}\n  [features]\n", quoted(label));
  constexpr std::size_t kShownMax = 3;
  std::vector<std::string> shown;
  for (const std::string& column : columns) {
    const bool known =
        column == label || std::find(shown.begin(), shown.end(), column) != shown.end();
    if (known || column.empty() || shown.size() == kShownMax) continue;
    shown.push_back(column);
    // A name in a schema may not hold what joins names.
    std::string name = column;
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c == '*' || c == '=' || c == ','; }, '_');
    text += fmt::format("  {} = {{ column = {} }}\n", key(name), quoted(column));
  }
  return text;
}

}  // namespace steelyard::data
