// Binding a schema to the columns of a file.
#include "data/binding.h"

#include <fmt/format.h>

#include <utility>

namespace steelyard::data {

Result<ColumnBinding> BindColumns(const Schema& schema, std::span<const std::string> columns,
                                  const std::string& data_file, bool labels_optional) {
  ColumnBinding binding;
  Status status;
  const auto find = [&](const ColumnUse& use) {
    const Result<std::uint32_t> column = FindColumn(use, columns, schema.file, data_file);
    if (!column.ok() && status.ok()) status = column.status();
    return column.ok() ? column.value() : 0;
  };
  for (const FeatureSpec& feature : schema.features)
    binding.features.push_back(find(feature.column));
  if (!schema.weight.column.empty()) binding.weight = find(schema.weight);
  if (!schema.order.column.empty()) binding.order = find(schema.order);
  if (!status.ok()) return status;

  if (schema.label.column.empty()) {
    if (labels_optional) return binding;
    return Status(StatusCode::kBadData,
                  "the schema names no label: add [label] with column = \"...\"", schema.file);
  }
  const std::uint32_t label = find(schema.label);
  if (status.ok()) binding.label = label;
  if (!status.ok() && !labels_optional) return status;
  return binding;
}

Result<Schema> SchemaOf(const DatasetOptions& options, std::span<const std::string> columns,
                        const std::string& data_file) {
  if (options.schema_text.empty()) {
    return Status(
        StatusCode::kInvalidArgument,
        fmt::format("this input has columns, and a schema must say what they mean; write it to "
                    "a file, say schema.toml, and add --schema schema.toml. A smallest one "
                    "here:\n{}",
                    ExampleSchema(columns)),
        data_file);
  }
  const std::string name = options.schema_name.empty() ? "schema" : options.schema_name;
  Result<Schema> schema = ParseSchema(options.schema_text, name);
  if (schema.ok() && !options.weight_column.empty()) {
    schema.value().weight = {.column = options.weight_column};
  }
  return schema;
}

Result<LabelMap> LabelMapOf(const DatasetOptions& options, const std::string& positive) {
  const bool classifies = options.label_kind == LabelKind::kBinary;
  const std::string& text =
      !options.label_rule.empty() || !classifies ? options.label_rule : positive;
  if (text.empty()) return LabelMap(options.label_kind, {});
  Result<LabelRule> rule = LabelRule::Parse(text);
  if (!rule.ok()) return rule.status();
  return LabelMap(options.label_kind, std::move(rule.value()));
}

}  // namespace steelyard::data
