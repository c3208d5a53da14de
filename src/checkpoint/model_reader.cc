// ModelReader: opens every file at once, and checks each against the manifest.
#include "checkpoint/model_reader.h"

#include <fmt/format.h>

#include <utility>

namespace steelyard::checkpoint {
namespace {

Result<std::string> ReadManifestText(const Descriptor& directory, const std::string& path) {
  Result<InputFile> file = InputFile::Open(directory.get(), kManifestName, path);
  if (!file.ok()) {
    if (file.status().code() != StatusCode::kNotFound) return file.status();
    return Status(StatusCode::kNotFound, "this is not a steelyard model: it has no manifest.json",
                  path);
  }
  if (file.value().size() > kManifestBytesMax) {
    return file.value().Corrupt(0, "the manifest is too long");
  }
  std::string text(file.value().size(), '\0');
  const auto got = file.value().Read(std::as_writable_bytes(std::span<char>(text)));
  if (!got.ok()) return got.status();
  text.resize(got.value());
  return text;
}

Status CheckHash(const InputFile& file, const ManifestFile& expected) {
  if (file.hash() == expected.hash) return {};
  return file.Corrupt(0, "the file is not the one that the manifest names: their hashes differ");
}

}  // namespace

Result<std::unique_ptr<ModelReader>> ModelReader::Open(const std::string& directory) {
  const Result<Descriptor> fd = OpenDirectory(directory);
  if (!fd.ok()) return fd.status();
  const std::string path = directory + "/" + kManifestName;
  const Result<std::string> text = ReadManifestText(fd.value(), path);
  if (!text.ok()) return text.status();
  Result<ModelManifest> manifest = DecodeManifest(text.value(), path);
  if (!manifest.ok()) return manifest.status();
  std::unique_ptr<ModelReader> reader(new ModelReader(directory, std::move(manifest.value())));
  SY_RETURN_IF_ERROR(reader->OpenFiles(fd.value()));
  return reader;
}

Result<InputFile> ModelReader::OpenFile(const Descriptor& directory,
                                        const ManifestFile& expected) const {
  const std::string path = directory_ + "/" + expected.name;
  Result<InputFile> file = InputFile::Open(directory.get(), expected.name, path);
  if (!file.ok()) {
    if (file.status().code() != StatusCode::kNotFound) return file.status();
    return Status(StatusCode::kCorruption, "the manifest names this file, but it is missing", path);
  }
  if (file.value().size() != expected.bytes) {
    return file.value().Corrupt(
        file.value().size(),
        fmt::format("the manifest says {} bytes: the file was cut short or changed",
                    expected.bytes));
  }
  return file;
}

Status ModelReader::OpenFiles(const Descriptor& directory) {
  for (const ManifestTable& table : manifest_.tables) {
    Result<InputFile> file = OpenFile(directory, table.file);
    if (!file.ok()) return file.status();
    Result<TableFileReader> reader = TableFileReader::Open(std::move(file.value()));
    if (!reader.ok()) return reader.status();
    const TableFileHeader& header = reader.value().header();
    if (header.table != table.name || header.width != table.width ||
        header.row_floats != table.row_floats || header.updater != table.updater) {
      return reader.value().file().Corrupt(20, "the header is not what the manifest says");
    }
    tables_.push_back(std::move(reader.value()));
  }
  if (!manifest_.names) return {};
  Result<InputFile> file = OpenFile(directory, *manifest_.names);
  if (!file.ok()) return file.status();
  Result<NamesFileReader> names = NamesFileReader::Open(std::move(file.value()));
  if (!names.ok()) return names.status();
  names_.emplace(std::move(names.value()));
  return {};
}

const TableFileHeader* ModelReader::table(std::string_view name) const {
  for (const TableFileReader& table : tables_) {
    if (table.header().table == name) return &table.header();
  }
  return nullptr;
}

Status ModelReader::ReadRows(std::string_view table, const TableFileReader::Visit& visit) {
  for (std::size_t i = 0; i < tables_.size(); ++i) {
    if (tables_[i].header().table != table) continue;
    SY_RETURN_IF_ERROR(tables_[i].ReadRows(visit));
    if (tables_[i].row_count() != manifest_.tables[i].rows) {
      return tables_[i].file().Corrupt(
          tables_[i].file().size(), fmt::format("the manifest says {} rows, {} were read",
                                                manifest_.tables[i].rows, tables_[i].row_count()));
    }
    return CheckHash(tables_[i].file(), manifest_.tables[i].file);
  }
  return {StatusCode::kNotFound, fmt::format("the model has no table '{}'", table), directory_};
}

Status ModelReader::ReadNames(const NamesFileReader::Visit& visit) {
  if (!names_ || !manifest_.names) return {};
  SY_RETURN_IF_ERROR(names_->ReadNames(visit));
  return CheckHash(names_->file(), *manifest_.names);
}

}  // namespace steelyard::checkpoint
