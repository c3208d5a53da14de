// Fuzz targets of the readers of text and packed text: bytes as a user's file may hold them.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "data/byte_source.h"
#include "data/libsvm.h"
#include "data/row_parser.h"
#include "data/text_stream.h"
#include "fuzz/fuzz_target.h"

namespace steelyard::fuzz {
namespace {

std::string_view AsText(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// What every learner relies on, whatever was in the file.
void CheckBlock(const data::RowBlock& block) {
  SY_CHECK(block.labels.size() == block.size());
  SY_CHECK(block.weights.empty() || block.weights.size() == block.size());
  SY_CHECK(block.offsets.size() == block.size() + 1);
  SY_CHECK(block.offsets.front() == 0 && block.offsets.back() == block.keys.size());
  SY_CHECK(std::is_sorted(block.offsets.begin(), block.offsets.end()));
  SY_CHECK(block.values.empty() || block.values.size() == block.keys.size());
}

}  // namespace

void FuzzLibsvm(Bytes input) {
  if (input.empty()) return;
  const bool labels_optional = (static_cast<unsigned>(input[0]) & 1u) != 0;
  data::LibsvmParser parser(data::LabelMap(data::LabelKind::kBinary, std::nullopt),
                            labels_optional);
  const data::RecordShape shape{.quoted = false, .comments = true, .delimiter = ','};
  data::TextStream stream(data::FromMemory(std::string(AsText(input.subspan(1)))), shape,
                          {.path = "input", .first_byte = 0, .recountable = false});
  data::RowBlock block;
  data::Record record;
  for (std::uint64_t row = 0;; ++row) {
    const auto more = stream.Next(record);
    if (!more.ok() || !more.value()) break;
    const std::size_t before = block.size();
    const bool parsed = parser.Parse(record, row, block);
    SY_CHECK(block.size() == before + (parsed ? 1 : 0));
    SY_CHECK(parsed || !parser.error().empty());
    SY_CHECK(!stream.WhereOf(record).empty());
  }
  CheckBlock(block);
}

void FuzzUnpack(Bytes input) {
  const std::string_view packed = AsText(input);
  const data::Packing packing = data::DetectPacking(packed);
  if (packing == data::Packing::kNone) return;
  auto source = data::Unpack(packing, data::FromMemory(std::string(packed)), "input");
  char out[4096];
  // A megabyte shows what there is to see; a small file may unpack to a very large one.
  for (int reads = 0; reads < 256; ++reads) {
    const auto size = source->Read(out, sizeof out);
    if (!size.ok()) {
      SY_CHECK(size.status().code() == StatusCode::kCorruption);
      return;
    }
    SY_CHECK(size.value() <= sizeof out);
    if (size.value() == 0) return;
  }
}

}  // namespace steelyard::fuzz
