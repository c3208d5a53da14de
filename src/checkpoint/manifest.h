// Manifest: what a model directory says about itself, in manifest.json.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "steelyard/status.h"
#include "steelyard/table_options.h"

namespace steelyard::checkpoint {

inline constexpr std::uint64_t kManifestVersion = 1;
inline constexpr std::size_t kManifestBytesMax = std::size_t{16} << 20;
inline constexpr const char* kManifestName = "manifest.json";
inline constexpr const char* kNamesFileName = "names.bin";

/// A binary file of the model.
struct ManifestFile {
  std::string name{};  ///< Inside the directory; no '/'.
  std::uint64_t bytes = 0;
  std::uint64_t hash = 0;  ///< XXH3-64 of the whole file.
  bool operator==(const ManifestFile&) const = default;
};

struct ManifestTable {
  std::string name{};
  std::uint32_t width = 1;
  std::uint32_t row_floats = 1;
  UpdaterOptions updater{};
  std::uint64_t rows = 0;
  ManifestFile file{};
  bool operator==(const ManifestTable&) const = default;
};

enum class KeyKind : std::uint8_t {
  kIds,    ///< Numeric ids through KeyOfId().
  kNames,  ///< Hashes of feature names.
};

/// The writer fills in `tables` and `names`; everything else is the caller's.
struct ModelManifest {
  std::string created_by{};  ///< "steelyard 0.1.0"
  std::string task{};        ///< "logistic"
  std::string solver{};      ///< "ftrl"
  KeyKind key_kind = KeyKind::kIds;
  std::string data_format{};   ///< "libsvm", "csv", "parquet"
  std::string schema_text{};   ///< The schema file's content; empty for libsvm.
  std::uint64_t nonzeros = 0;  ///< Values that are not 0, over all tables.
  std::map<std::string, std::string> parameters{};  ///< How it was trained, by flag name.
  std::map<std::string, double> metrics{};          ///< Those that are not finite are left out.
  std::vector<ManifestTable> tables{};
  std::optional<ManifestFile> names{};
  bool operator==(const ModelManifest&) const = default;
};

/// Write the manifest as JSON text. Its first field is a checksum of the whole text.
/// Errors: kInvalidArgument  text that is not UTF-8, or a manifest that DecodeManifest() would refuse.
Result<std::string> EncodeManifest(const ModelManifest& manifest);

/// Read what EncodeManifest() wrote.
/// @param path  for messages.
/// Errors: kCorruption  a changed byte, a missing field, a value out of bounds;
///         kBadData     a format version that this program does not know (the message names both).
Result<ModelManifest> DecodeManifest(std::string_view text, const std::string& path);

/// True when `text` begins as EncodeManifest() begins every manifest.
bool LooksLikeManifest(std::string_view text);

/// The hash of a schema's text, as the manifest shows it.
std::string SchemaHash(std::string_view schema_text);

}  // namespace steelyard::checkpoint
