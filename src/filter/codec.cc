#include "filter/codec.h"

#include <string>

namespace steelyard::filter {

const Codec* FindCodec(CodecId id) {
  switch (id) {
    case CodecId::kNone:
      return nullptr;
    case CodecId::kDelta:
      return &DeltaCodec();
    case CodecId::kColumns:
      return &ColumnsCodec();
    case CodecId::kZeros:
      return &ZerosCodec();
    case CodecId::kFixed:
      return &FixedCodec();
    case CodecId::kLz4:
      return &Lz4Codec();
    case CodecId::kSnappy:
      return &SnappyCodec();
  }
  return nullptr;
}

Status CorruptSection(std::string_view codec, std::string_view what) {
  return {StatusCode::kCorruption, std::string(codec) + ": " + std::string(what)};
}

}  // namespace steelyard::filter
