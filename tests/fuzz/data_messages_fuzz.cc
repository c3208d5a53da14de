// Fuzz targets of the data messages, whose arrays are used where they lie. Input: a body.
#include <numeric>

#include "fuzz/fuzz_target.h"
#include "wire/data_messages.h"

namespace steelyard::fuzz {
namespace {

// Touch every element, so that a span that leaves the body is seen.
template <typename T>
void Touch(std::span<const T> items) {
  const Bytes bytes = std::as_bytes(items);
  volatile unsigned sum = 0;
  for (const std::byte byte : bytes) sum = sum + static_cast<unsigned>(byte);
}

void CheckSameBody(const wire::Frame& frame, Bytes bytes) {
  SY_CHECK(frame.header.body_bytes == bytes.size());
  SY_CHECK(SameBytes(frame.body.bytes(), bytes));
}

template <typename Entry>
std::uint64_t SumOfCounts(std::span<const Entry> entries) {
  return std::accumulate(entries.begin(), entries.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const Entry& e) { return sum + e.count; });
}

}  // namespace

void FuzzPush(Bytes input) {
  const Buffer body = AlignedCopy(input);
  const auto push = wire::DecodePush(body.bytes());
  if (!push.ok()) return;
  const wire::Push& p = push.value();
  if (p.packed.form == wire::Form::kPlain) {
    SY_CHECK(SumOfCounts(p.entries) == p.keys.size());
    SY_CHECK(p.floats.size() == p.keys.size() * p.floats_per_key);
  }
  Touch(p.packed.keys);
  Touch(p.packed.floats);
  Touch(p.entries);
  Touch(p.keys);
  Touch(p.floats);
  CheckSameBody(wire::MakeFrame(p, 1), input);
}

void FuzzPushAck(Bytes input) {
  const Buffer body = AlignedCopy(input);
  const auto ack = wire::DecodePushAck(body.bytes());
  if (!ack.ok()) return;
  Touch(ack.value().failed);
  CheckSameBody(wire::MakeFrame(ack.value(), 1), input);
}

void FuzzPull(Bytes input) {
  const Buffer body = AlignedCopy(input);
  const auto pull = wire::DecodePull(body.bytes());
  if (!pull.ok()) return;
  if (pull.value().packed.form == wire::Form::kPlain)
    SY_CHECK(SumOfCounts(pull.value().entries) == pull.value().keys.size());
  Touch(pull.value().packed.keys);
  Touch(pull.value().entries);
  Touch(pull.value().keys);
  CheckSameBody(wire::MakeFrame(pull.value(), 1), input);
}

void FuzzPullResponse(Bytes input) {
  const Buffer body = AlignedCopy(input);
  const auto response = wire::DecodePullResponse(body.bytes());
  if (!response.ok()) return;
  const std::span<const float> floats = response.value().floats;
  Touch(response.value().entries);
  Touch(floats);
  if (response.value().packed.form != wire::Form::kPlain)
    return CheckSameBody(wire::MakeFrame(response.value(), 1), input);
  wire::PullResponseFrame again = wire::MakePullResponse(response.value(), floats.size(), 1);
  if (!floats.empty()) std::memcpy(again.floats.data(), floats.data(), floats.size_bytes());
  CheckSameBody(again.frame, input);
}

void FuzzScan(Bytes input) {
  const Buffer body = AlignedCopy(input);
  const auto scan = wire::DecodeScan(body.bytes());
  if (scan.ok()) CheckSameBody(wire::MakeFrame(scan.value(), 1), input);
}

void FuzzScanResponse(Bytes input) {
  const Buffer body = AlignedCopy(input);
  const auto response = wire::DecodeScanResponse(body.bytes());
  if (!response.ok()) return;
  const wire::ScanResponse& r = response.value();
  SY_CHECK(r.floats.size() == r.keys.size() * r.floats_per_key);
  Touch(r.keys);
  Touch(r.floats);
  CheckSameBody(wire::MakeFrame(r, 1), input);
}

}  // namespace steelyard::fuzz
