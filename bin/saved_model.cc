// Reads a model directory; zeros are left out of memory.
#include "saved_model.h"

#include <span>

#include "checkpoint/model_reader.h"
#include "model_manifest.h"
#include "table/updater.h"

namespace steelyard::cli {

Status VisitWeights(checkpoint::ModelReader& reader,
                    const std::function<Status(Key key, float weight)>& visit) {
  const checkpoint::TableFileHeader* header = reader.table(kWeightsTable);
  if (header == nullptr || header->width != 1) {
    return Status(StatusCode::kBadData,
                  "this is not a linear model: it has no table of single weights",
                  reader.directory());
  }
  const auto updater = table::MakeUpdater(header->updater, header->width);
  if (!updater.ok())
    return Status(StatusCode::kBadData, updater.status().message(), reader.directory());
  const std::size_t row_floats = header->row_floats;
  if (updater.value()->row_floats() != row_floats) {
    return Status(StatusCode::kBadData, "the rows do not have the size that their updater needs",
                  reader.directory());
  }
  return reader.ReadRows(
      kWeightsTable, [&](std::span<const Key> keys, std::span<const float> rows) -> Status {
        for (std::size_t i = 0; i < keys.size(); ++i) {
          float weight = 0.0F;
          updater.value()->Read(keys[i], rows.subspan(i * row_floats, row_floats),
                                std::span(&weight, 1));
          SY_RETURN_IF_ERROR(visit(keys[i], weight));
        }
        return {};
      });
}

Result<SavedModel> SavedModel::Load(const std::string& directory) {
  const Result<std::unique_ptr<checkpoint::ModelReader>> reader =
      checkpoint::ModelReader::Open(directory);
  if (!reader.ok()) return reader.status();
  const checkpoint::ModelManifest& manifest = reader.value()->manifest();
  SavedModel model;
  model.directory_ = directory;
  model.keys_are_ids_ = manifest.key_kind == checkpoint::KeyKind::kIds;
  Result<job::TrainParameters> parameters = ParametersOf(manifest, directory);
  if (!parameters.ok()) return parameters.status();
  model.parameters_ = std::move(parameters.value());
  model.weights_ = std::make_unique<table::HashTable>(KeyRange{0, kKeyMax}, 1, *model.memory_);
  SY_RETURN_IF_ERROR(VisitWeights(*reader.value(), [&](Key key, float weight) -> Status {
    if (weight != 0.0F) *model.weights_->FindOrInsert(key) = weight;
    return {};
  }));
  return model;
}

}  // namespace steelyard::cli
