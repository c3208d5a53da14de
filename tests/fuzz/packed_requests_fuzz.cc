// Fuzz targets of packed pushes and pulls as a server takes them: decoded, unpacked, kept, asked for by signature.
#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "fuzz/fuzz_target.h"
#include "server/packed_requests.h"

namespace steelyard::fuzz {
namespace {

template <typename Request>
void Unpack(const Result<Request>& decoded) {
  if (!decoded.ok()) return;
  const std::array<Key, 3> fixed{1, 5, 9};
  server::PackedRequests packed(
      std::size_t{1} << 16,
      [&](TableId, SegmentId segment, KeyRange range) -> std::optional<std::span<const Key>> {
        if (segment > 1) return {};
        const auto begin = std::ranges::lower_bound(fixed, range.first);
        return std::span(begin, std::ranges::upper_bound(fixed, range.last));
      });
  // Twice: what the first call kept, the second may find.
  for (int time = 0; time < 2; ++time) {
    Request request = decoded.value();
    const auto unpacked = packed.Unpack(1, request);
    if (!unpacked.ok()) {
      SY_CHECK(unpacked.status().code() == StatusCode::kCorruption ||
               unpacked.status().code() == StatusCode::kInvalidArgument);
      return;
    }
    if (!unpacked.value()) {
      const wire::Form form = request.packed.form;
      SY_CHECK((form == wire::Form::kSignature || form == wire::Form::kRange) &&
               request.keys.empty());
      (void)server::AskForKeys(request, 1);
      return;
    }
    std::size_t count = 0;
    for (const auto& entry : request.entries) count += entry.count;
    SY_CHECK(request.keys.size() == count);
    SY_CHECK(packed.key_bytes() <= std::size_t{1} << 16);
    volatile Key sum = 0;
    for (const Key key : request.keys) sum = sum + key;
  }
}

}  // namespace

void FuzzPackedPush(Bytes input) {
  const Buffer body = AlignedCopy(input);
  Unpack(wire::DecodePush(body.bytes()));
}

void FuzzPackedPull(Bytes input) {
  const Buffer body = AlignedCopy(input);
  Unpack(wire::DecodePull(body.bytes()));
}

}  // namespace steelyard::fuzz
