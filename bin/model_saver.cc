// Rows go to disk as they come; names, which come in no order, are held and sorted.
#include "model_saver.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "job/divergence.h"

namespace steelyard::cli {

Status ModelSaver::CheckPlace(const std::string& directory) {
  const auto writer = checkpoint::ModelWriter::Create(directory);
  return writer.ok() ? Status() : writer.status();
}

Status ModelSaver::Begin() {
  if (writer_ != nullptr) return {};
  auto updater = table::MakeUpdater(table_.updater, table_.width);
  if (!updater.ok()) return updater.status();
  updater_ = std::move(updater.value());
  auto writer = checkpoint::ModelWriter::Create(directory_);
  if (!writer.ok()) return writer.status();
  writer_ = std::move(writer.value());
  return writer_->AddTable({.table = table_.name,
                            .width = table_.width,
                            .row_floats = static_cast<std::uint32_t>(updater_->row_floats()),
                            .updater = table_.updater});
}

Status ModelSaver::AddNames(const std::vector<std::pair<Key, std::string>>& names) {
  names_.insert(names_.end(), names.begin(), names.end());
  return {};
}

void ModelSaver::StartAgain() {
  writer_.reset();
  row_count_ = 0;
  nonzeros_ = 0;
}

Status ModelSaver::AddRows(std::span<const Key> keys, std::span<const float> rows) {
  SY_RETURN_IF_ERROR(Begin());
  const std::size_t row_floats = updater_->row_floats();
  std::vector<float> values(table_.width);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    updater_->Read(keys[i], rows.subspan(i * row_floats, row_floats), values);
    for (const float value : values) {
      if (!std::isfinite(value))
        return job::Diverged("the weight of key " + std::to_string(keys[i]));
      nonzeros_ += value != 0.0F ? 1 : 0;
    }
  }
  row_count_ += keys.size();
  return writer_->AppendRows(keys, rows);
}

Status ModelSaver::Commit(checkpoint::ModelManifest manifest) {
  SY_RETURN_IF_ERROR(Begin());  // A model without a single row is a model.
  std::ranges::stable_sort(names_, {}, &std::pair<Key, std::string>::first);
  const auto repeated = std::ranges::unique(names_, {}, &std::pair<Key, std::string>::first);
  names_.erase(repeated.begin(), repeated.end());
  for (const auto& [key, name] : names_) SY_RETURN_IF_ERROR(writer_->AppendName(key, name));
  manifest.nonzeros = nonzeros_;
  return writer_->Commit(std::move(manifest));
}

}  // namespace steelyard::cli
