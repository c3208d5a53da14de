// ModelWriter: a temporary directory, its files, and the exchange at the end.
#include "checkpoint/model_writer.h"

#include <fmt/format.h>

#include <utility>

#include "checkpoint/model_dir.h"

namespace steelyard::checkpoint {

Result<std::unique_ptr<ModelWriter>> ModelWriter::Create(const std::string& directory) {
  Result<std::string> target = ResolveModelPath(directory);
  if (!target.ok()) return target.status();
  std::string temporary;
  Result<Descriptor> fd = CreateTemporary(target.value(), temporary);
  if (!fd.ok()) return fd.status();
  return std::unique_ptr<ModelWriter>(
      new ModelWriter(std::move(target.value()), std::move(temporary), std::move(fd.value())));
}

ModelWriter::ModelWriter(std::string target, std::string temporary, Descriptor directory)
    : target_(std::move(target)),
      temporary_(std::move(temporary)),
      directory_(std::move(directory)) {}

ModelWriter::~ModelWriter() {
  if (committed_) return;
  table_.reset();
  names_.reset();
  // Nobody is left to hear of a failure; the next writer of this model removes what remains.
  static_cast<void>(RemoveModel(temporary_));
}

Status ModelWriter::Keep(Status status) {
  if (failed_.ok()) failed_ = status;
  return status;
}

Result<OutputFile> ModelWriter::CreateFile(const std::string& name) const {
  return OutputFile::Create(directory_.get(), name, temporary_ + "/" + name);
}

Status ModelWriter::AddTable(const TableFileHeader& header) {
  SY_RETURN_IF_ERROR(FinishTable());
  if (names_ || names_file_) {
    return Keep({StatusCode::kInvalidArgument, "tables come before names", target_});
  }
  if (!IsTableName(header.table)) {
    return Keep({StatusCode::kInvalidArgument,
                 fmt::format("'{}' cannot be a table's name in a file", header.table), target_});
  }
  Result<OutputFile> file = CreateFile("table-" + header.table + ".rows");
  if (!file.ok()) return Keep(file.status());
  Result<TableFileWriter> table = TableFileWriter::Create(std::move(file.value()), header);
  if (!table.ok()) return Keep(table.status());
  table_.emplace(std::move(table.value()));
  return {};
}

Status ModelWriter::AppendRows(std::span<const Key> keys, std::span<const float> rows) {
  SY_RETURN_IF_ERROR(failed_);
  if (!table_) return Keep({StatusCode::kInvalidArgument, "rows without a table", target_});
  SY_RETURN_IF_ERROR(Keep(table_->Append(keys, rows)));
  row_count_ += keys.size();
  return {};
}

Status ModelWriter::FinishTable() {
  SY_RETURN_IF_ERROR(failed_);
  if (!table_) return {};
  SY_RETURN_IF_ERROR(Keep(table_->Finish()));
  const TableFileHeader& header = table_->header();
  tables_.push_back({.name = header.table,
                     .width = header.width,
                     .row_floats = header.row_floats,
                     .updater = header.updater,
                     .rows = table_->row_count(),
                     .file = {.name = "table-" + header.table + ".rows",
                              .bytes = table_->file().bytes(),
                              .hash = table_->file().hash()}});
  table_.reset();
  return {};
}

Status ModelWriter::AppendName(Key key, std::string_view name) {
  SY_RETURN_IF_ERROR(FinishTable());
  if (!names_) {
    Result<OutputFile> file = CreateFile(kNamesFileName);
    if (!file.ok()) return Keep(file.status());
    Result<NamesFileWriter> names = NamesFileWriter::Create(std::move(file.value()));
    if (!names.ok()) return Keep(names.status());
    names_.emplace(std::move(names.value()));
  }
  return Keep(names_->Append(key, name));
}

Status ModelWriter::FinishNames() {
  SY_RETURN_IF_ERROR(failed_);
  if (!names_) return {};
  SY_RETURN_IF_ERROR(Keep(names_->Finish()));
  names_file_ = ManifestFile{
      .name = kNamesFileName, .bytes = names_->file().bytes(), .hash = names_->file().hash()};
  names_.reset();
  return {};
}

Status ModelWriter::Commit(ModelManifest manifest) {
  SY_RETURN_IF_ERROR(FinishTable());
  SY_RETURN_IF_ERROR(FinishNames());
  manifest.tables = std::move(tables_);
  manifest.names = std::move(names_file_);
  Result<std::string> text = EncodeManifest(manifest);
  if (!text.ok()) return Keep(text.status());
  Result<OutputFile> file = CreateFile(kManifestName);
  if (!file.ok()) return Keep(file.status());
  SY_RETURN_IF_ERROR(Keep(file.value().Append(std::as_bytes(std::span<const char>(text.value())))));
  SY_RETURN_IF_ERROR(Keep(file.value().Finish()));
  SY_RETURN_IF_ERROR(Keep(ReplaceModel(temporary_, target_)));
  committed_ = true;
  failed_ = Status(StatusCode::kInvalidArgument, "the model has been saved already", target_);
  return {};
}

}  // namespace steelyard::checkpoint
