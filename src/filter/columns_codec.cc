// Floats [n, width] as [width, n]: what is alike, the same column of all keys, comes to lie together.
//
// Layout: the width (4 bytes), then column after column. Four bytes longer than its input; a stack puts it before
// codecs that gain by it.
#include <algorithm>

#include "filter/codec.h"
#include "filter/raw_bytes.h"

namespace steelyard::filter {
namespace {

constexpr std::size_t kFloatBytes = 4;
/// So many rows are turned at a time: they stay in the first cache.
constexpr std::size_t kRowsPerTile = 256;

/// from [rows, columns] -> to [columns, rows]
void Turn(const std::byte* from, std::size_t rows, std::size_t columns, std::byte* to) {
  for (std::size_t first = 0; first < rows; first += kRowsPerTile) {
    const std::size_t last = std::min(rows, first + kRowsPerTile);
    for (std::size_t column = 0; column < columns; ++column) {
      for (std::size_t row = first; row < last; ++row) {
        StoreAt(to + (column * rows + row) * kFloatBytes,
                LoadAt<std::uint32_t>(from + (row * columns + column) * kFloatBytes));
      }
    }
  }
}

/// The inverse.
void TurnBack(const std::byte* from, std::size_t rows, std::size_t columns, std::byte* to) {
  for (std::size_t first = 0; first < rows; first += kRowsPerTile) {
    const std::size_t last = std::min(rows, first + kRowsPerTile);
    for (std::size_t column = 0; column < columns; ++column) {
      for (std::size_t row = first; row < last; ++row) {
        StoreAt(to + (row * columns + column) * kFloatBytes,
                LoadAt<std::uint32_t>(from + (column * rows + row) * kFloatBytes));
      }
    }
  }
}

class Columns final : public Codec {
 public:
  CodecId id() const override { return CodecId::kColumns; }
  std::string_view name() const override { return "columns"; }

  std::size_t EncodedBytesMax(std::size_t input_bytes) const override {
    return input_bytes + sizeof(std::uint32_t);
  }

  std::size_t Encode(Bytes input, std::uint32_t width, std::span<std::byte> output) const override {
    if (width < 2 || input.empty() || input.size() % (width * kFloatBytes) != 0) return 0;
    StoreAt(output.data(), width);
    Turn(input.data(), input.size() / (width * kFloatBytes), width,
         output.data() + sizeof(std::uint32_t));
    return input.size() + sizeof(std::uint32_t);
  }

  Status Decode(Bytes input, std::span<std::byte> output) const override {
    if (input.size() != output.size() + sizeof(std::uint32_t)) {
      return CorruptSection(name(), "the sizes of both sides do not fit");
    }
    const std::size_t width = LoadAt<std::uint32_t>(input.data());
    if (width < 2 || output.size() % (width * kFloatBytes) != 0) {
      return CorruptSection(name(), "the width does not divide the floats");
    }
    TurnBack(input.data() + sizeof(std::uint32_t), output.size() / (width * kFloatBytes), width,
             output.data());
    return {};
  }
};

}  // namespace

const Codec& ColumnsCodec() {
  static const Columns codec;
  return codec;
}

}  // namespace steelyard::filter
