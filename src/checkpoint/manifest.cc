// Manifest: JSON with a checksum in a fixed place, and a parser that believes nothing.
#include "checkpoint/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <utility>

#include "base/hash.h"
#include "checkpoint/table_file.h"
#include "checkpoint/updater_json.h"

namespace steelyard::checkpoint {
namespace {

using Json = nlohmann::ordered_json;

// The text begins so; 16 hexadecimal digits of XXH3-64 follow, computed with zeros in their place.
constexpr std::string_view kOpening = "{\n  \"checksum\": \"xxh3-";
constexpr std::string_view kZeros = "0000000000000000";
constexpr const char* kFormat = "steelyard-model";
constexpr std::size_t kTextBytesMax = std::size_t{1} << 20;
constexpr std::size_t kEntriesMax = 1024;

std::string Hex(std::uint64_t value) {
  return fmt::format("{:016x}", value);
}

std::uint64_t HashText(std::string_view text) {
  return HashBytes(std::as_bytes(std::span<const char>(text)));
}

Json ToJson(const ManifestFile& file) {
  return {{"name", file.name}, {"bytes", file.bytes}, {"xxh3", Hex(file.hash)}};
}

Json ToJson(const ManifestTable& table) {
  return {{"name", table.name},
          {"width", table.width},
          {"row_floats", table.row_floats},
          {"updater", UpdaterJson(table.updater)},
          {"rows", table.rows},
          {"file", ToJson(table.file)}};
}

Json ToJson(const ModelManifest& manifest) {
  Json json = {{"checksum", "xxh3-" + std::string(kZeros)},
               {"format", kFormat},
               {"format_version", kManifestVersion},
               {"created_by", manifest.created_by},
               {"task", manifest.task},
               {"solver", manifest.solver},
               {"key_kind", manifest.key_kind == KeyKind::kIds ? "ids" : "names"},
               {"data_format", manifest.data_format},
               {"nonzeros", manifest.nonzeros},
               {"parameters", Json::object()},
               {"metrics", Json::object()},
               {"tables", Json::array()},
               {"names", nullptr},
               {"schema_hash", SchemaHash(manifest.schema_text)},
               {"schema", manifest.schema_text}};
  for (const auto& [name, value] : manifest.parameters) json["parameters"][name] = value;
  for (const auto& [name, value] : manifest.metrics) {
    if (std::isfinite(value)) json["metrics"][name] = value;
  }
  for (const ManifestTable& table : manifest.tables) json["tables"].push_back(ToJson(table));
  if (manifest.names) json["names"] = ToJson(*manifest.names);
  return json;
}

// Reads the fields of one object. The first fault is kept; every later value is empty.
class Fields {
 public:
  Fields(const Json* json, std::string place, std::string& fault)
      : json_(json), place_(std::move(place)), fault_(fault) {
    if (json_ == nullptr || !json_->is_object()) Fail("is not an object");
  }

  void Get(const char* name, std::string& value, std::size_t bytes_max = 256) {
    const Json* field = Find(name);
    if (field == nullptr) return;
    if (!field->is_string()) return Fail(name, "is not a string");
    value = field->get_ref<const std::string&>();
    if (value.size() > bytes_max) Fail(name, "is too long");
  }
  void Get(const char* name, std::uint64_t& value,
           std::uint64_t most = std::numeric_limits<std::int64_t>::max()) {
    const Json* field = Find(name);
    if (field == nullptr) return;
    if (!field->is_number_unsigned()) return Fail(name, "is not a whole number");
    value = field->get<std::uint64_t>();
    if (value > most) Fail(name, "is too large");
  }
  void Get(const char* name, std::uint32_t& value, std::uint32_t most) {
    std::uint64_t wide = 0;
    Get(name, wide, most);
    value = static_cast<std::uint32_t>(std::min<std::uint64_t>(wide, most));
  }
  void Get(const char* name, float& value) {
    const Json* field = Find(name);
    if (field == nullptr) return;
    if (!field->is_number()) return Fail(name, "is not a number");
    value = field->get<float>();
    if (!std::isfinite(value)) Fail(name, "is not finite");
  }
  /// A field that is there where it is true.
  void GetSwitch(const char* name, bool& value) {
    value = fault_.empty() && json_->contains(name);
    if (!value) return;
    const Json* field = Find(name);
    if (!field->is_boolean() || !field->get<bool>()) Fail(name, "is not true");
  }
  void GetHash(const char* name, std::uint64_t& value) {
    std::string digits;
    Get(name, digits, 16);
    const auto digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    if (digits.size() != 16 || !std::ranges::all_of(digits, digit)) {
      return Fail(name, "is not a hash of 16 hexadecimal digits");
    }
    value = std::stoull(digits, nullptr, 16);
  }
  /// The field as it is, or nullptr; missing is a fault.
  const Json* Find(const char* name) {
    if (!fault_.empty()) return nullptr;
    seen_.insert(name);
    const auto field = json_->find(name);
    if (field != json_->end()) return &*field;
    Fail(name, "is missing");
    return nullptr;
  }
  /// A fault when the object has a field that was never asked for.
  void RefuseOthers() {
    if (!fault_.empty()) return;
    for (const auto& [name, value] : json_->items()) {
      if (!seen_.contains(name)) return Fail(name.substr(0, 64), "is not known");
    }
  }
  void Fail(const std::string& name, const std::string& what) {
    if (fault_.empty()) fault_ = fmt::format("field {}{} {}", place_, name, what);
  }

 private:
  void Fail(const std::string& what) { Fail("", what); }

  const Json* json_;
  std::string place_;
  std::string& fault_;
  std::set<std::string> seen_;
};

ManifestFile FileFrom(const Json* json, const std::string& place, std::string& fault) {
  ManifestFile file;
  Fields fields(json, place, fault);
  fields.Get("name", file.name);
  fields.Get("bytes", file.bytes);
  fields.GetHash("xxh3", file.hash);
  fields.RefuseOthers();
  return file;
}

UpdaterOptions UpdaterFrom(const Json* json, const std::string& place, std::string& fault) {
  UpdaterOptions updater;
  Fields fields(json, place, fault);
  fields.Get("name", updater.name);
  fields.Get("alpha", updater.alpha);
  fields.Get("beta", updater.beta);
  fields.Get("l1", updater.l1);
  fields.Get("l2", updater.l2);
  fields.GetSwitch("intercept", updater.intercept);
  fields.RefuseOthers();
  return updater;
}

ManifestTable TableFrom(const Json& json, const std::string& place, std::string& fault) {
  ManifestTable table;
  Fields fields(&json, place, fault);
  fields.Get("name", table.name);
  fields.Get("width", table.width, kRowFloatsMax);
  fields.Get("row_floats", table.row_floats, kRowFloatsMax);
  table.updater = UpdaterFrom(fields.Find("updater"), place + "updater.", fault);
  fields.Get("rows", table.rows);
  table.file = FileFrom(fields.Find("file"), place + "file.", fault);
  fields.RefuseOthers();
  return table;
}

template <typename Value, typename Take>
void MapFrom(Fields& fields, const char* name, std::map<std::string, Value>& map, Take&& take) {
  const Json* object = fields.Find(name);
  if (object == nullptr) return;
  if (!object->is_object() || object->size() > kEntriesMax) {
    return fields.Fail(name, "is not an object of at most 1024 fields");
  }
  for (const auto& [key, value] : object->items()) {
    if (key.empty() || key.size() > 256 || !take(value, map[key])) {
      return fields.Fail(std::string(name) + "." + key.substr(0, 64), "has a wrong name or type");
    }
  }
}

// What the fields say together.
void CheckConsistency(const ModelManifest& manifest, Fields& fields) {
  std::set<std::string> names;
  std::uint64_t values = 0;
  for (const ManifestTable& table : manifest.tables) {
    if (!IsTableName(table.name) || !names.insert(table.name).second) {
      fields.Fail("tables", "has a table without a proper name of its own");
    }
    if (table.file.name != "table-" + table.name + ".rows") {
      fields.Fail("tables", "names a file that is not the table's");
    }
    values += std::min(table.rows, std::uint64_t{1} << 40) * table.width;
  }
  if (manifest.nonzeros > values) fields.Fail("nonzeros", "is larger than the number of values");
  if (manifest.names && manifest.names->name != kNamesFileName) {
    fields.Fail("names", "names a file that is not the names'");
  }
}

ModelManifest FromJson(const Json& json, std::string& fault) {
  ModelManifest manifest;
  Fields fields(&json, "", fault);
  std::string text;
  fields.Get("checksum", text);
  fields.Get("format", text);
  std::uint64_t version = 0;
  fields.Get("format_version", version);
  fields.Get("created_by", manifest.created_by);
  fields.Get("task", manifest.task);
  fields.Get("solver", manifest.solver);
  fields.Get("key_kind", text);
  if (text != "ids" && text != "names") fields.Fail("key_kind", "is neither ids nor names");
  manifest.key_kind = text == "ids" ? KeyKind::kIds : KeyKind::kNames;
  fields.Get("data_format", manifest.data_format);
  fields.Get("nonzeros", manifest.nonzeros);
  MapFrom(fields, "parameters", manifest.parameters, [](const Json& value, std::string& out) {
    if (!value.is_string() || value.get_ref<const std::string&>().size() > kTextBytesMax)
      return false;
    out = value.get<std::string>();
    return true;
  });
  MapFrom(fields, "metrics", manifest.metrics, [](const Json& value, double& out) {
    if (!value.is_number()) return false;
    out = value.get<double>();
    return std::isfinite(out);
  });
  const Json* tables = fields.Find("tables");
  if (tables != nullptr && (!tables->is_array() || tables->size() > kEntriesMax)) {
    fields.Fail("tables", "is not an array of at most 1024 tables");
  }
  for (std::size_t i = 0; fault.empty() && i < tables->size(); ++i) {
    manifest.tables.push_back(TableFrom((*tables)[i], fmt::format("tables[{}].", i), fault));
  }
  const Json* names = fields.Find("names");
  if (names != nullptr && !names->is_null()) manifest.names = FileFrom(names, "names.", fault);
  fields.Get("schema", manifest.schema_text, kTextBytesMax);
  std::string schema_hash;
  fields.Get("schema_hash", schema_hash);
  if (schema_hash != SchemaHash(manifest.schema_text)) {
    fields.Fail("schema_hash", "is not the hash of the schema");
  }
  fields.RefuseOthers();
  CheckConsistency(manifest, fields);
  return manifest;
}

// "field X is missing" and the like for a manifest that must not be written or believed; empty when it is fine.
std::string FaultOf(const Json& json, ModelManifest& manifest) {
  std::string fault;
  manifest = FromJson(json, fault);
  return fault;
}

}  // namespace

std::string SchemaHash(std::string_view schema_text) {
  return "xxh3-" + Hex(HashText(schema_text));
}

bool LooksLikeManifest(std::string_view text) {
  return text.starts_with(kOpening);
}

Result<std::string> EncodeManifest(const ModelManifest& manifest) {
  const Json json = ToJson(manifest);
  ModelManifest copy;
  if (const std::string fault = FaultOf(json, copy); !fault.empty()) {
    return Status(StatusCode::kInvalidArgument, "cannot save the manifest: " + fault);
  }
  std::string text;
  try {
    text = json.dump(2) + "\n";
  } catch (const Json::exception&) {  // The library's way to refuse bytes that are not UTF-8.
    return Status(
        StatusCode::kInvalidArgument,
        "cannot save the manifest: a text in it is not UTF-8; check the schema file and names");
  }
  if (text.size() > kManifestBytesMax) {
    return Status(StatusCode::kInvalidArgument, "cannot save the manifest: it exceeds 16 MiB");
  }
  text.replace(kOpening.size(), kZeros.size(), Hex(HashText(text)));
  return text;
}

Result<ModelManifest> DecodeManifest(std::string_view text, const std::string& path) {
  const auto corrupt = [&](const std::string& what) {
    return Status(StatusCode::kCorruption, what, path);
  };
  const std::size_t opening = kOpening.size() + kZeros.size();
  if (!LooksLikeManifest(text) || text.size() < opening) {
    return corrupt("at byte 0: this is not a steelyard model's manifest");
  }
  std::string zeroed(text);
  zeroed.replace(kOpening.size(), kZeros.size(), kZeros);
  if (text.substr(kOpening.size(), kZeros.size()) != Hex(HashText(zeroed))) {
    return corrupt(
        fmt::format("at byte {}: the checksum differs from the text's; the file was changed "
                    "or cut short after it was written",
                    kOpening.size()));
  }
  const Json json = Json::parse(zeroed, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return corrupt("at byte 0: this is not a JSON object");
  const auto format = json.find("format");
  const auto version = json.find("format_version");
  if (format == json.end() || *format != kFormat || version == json.end() ||
      !version->is_number_unsigned()) {
    return corrupt("at byte 0: this is not a steelyard model's manifest");
  }
  if (*version != kManifestVersion) {
    return Status(
        StatusCode::kBadData,
        fmt::format("the model has format version {}, this program reads version {}; use the "
                    "program that wrote it, or a newer one",
                    version->get<std::uint64_t>(), kManifestVersion),
        path);
  }
  ModelManifest manifest;
  if (const std::string fault = FaultOf(json, manifest); !fault.empty()) return corrupt(fault);
  return manifest;
}

}  // namespace steelyard::checkpoint
