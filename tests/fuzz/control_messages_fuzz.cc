// Fuzz targets of the messages that list their fields in Fields(): all of them share one decoder.
// Input: one byte that picks the message, then its body.
#include <type_traits>

#include "fuzz/fuzz_target.h"
#include "wire/block_messages.h"
#include "wire/call_messages.h"
#include "wire/cluster_messages.h"
#include "wire/control_messages.h"
#include "wire/job_messages.h"
#include "wire/member_messages.h"
#include "wire/table_messages.h"

namespace steelyard::fuzz {
namespace {

void CheckRanks(const wire::BlockJoined& joined) {
  for (const wire::BlockRanks& segment : joined.segments) {
    const auto ranks = segment.ranks.Expand(segment.keys);
    if (!ranks) continue;
    SY_CHECK(ranks->size() == segment.keys);
    SY_CHECK(wire::RisingRanks::Of(*ranks).halves == segment.ranks.halves);
  }
}

// Whatever is accepted must be written again as the very same bytes: one message, one encoding.
template <typename Message>
void Check(Bytes bytes) {
  const Buffer body = AlignedCopy(bytes);
  const auto message = wire::Decode<Message>(body.bytes());
  if (!message.ok()) {
    SY_CHECK(message.status().code() == StatusCode::kCorruption);
    return;
  }
  SY_CHECK(SameBytes(wire::Encode(message.value()).bytes(), bytes));
  if constexpr (std::is_same_v<Message, wire::BlockJoined>) CheckRanks(message.value());
}

template <typename... Messages>
void CheckOneOf(Bytes input) {
  if (input.empty()) return;
  constexpr void (*kChecks[])(Bytes) = {&Check<Messages>...};
  kChecks[static_cast<std::size_t>(input[0]) % sizeof...(Messages)](input.subspan(1));
}

}  // namespace

void FuzzControlMessages(Bytes input) {
  using namespace wire;  // NOLINT(google-build-using-namespace): a list of message names.
  CheckOneOf<Hello, HelloAck, Refused, Heartbeat, HeartbeatAck, ViewGet, View, TableCreate,
             TableDrop, TableDropped, InstallView, ViewReady, OpenStream, RetireStream, OpenAck,
             TableStats, ClusterGet, ClusterStatus, TableFreeze, TableFrozen, HotKeysGet,
             HotKeyCounts, ClocksGet, Clocks, TableFreezable>(input);
}

void FuzzCallMessages(Bytes input) {
  using namespace wire;  // NOLINT(google-build-using-namespace): a list of message names.
  CheckOneOf<wire::Call, CallResponse, GroupServe, GroupServed, MemberCall, MemberAnswer,
             MemberDone>(input);
}

void FuzzJobMessages(Bytes input) {
  using namespace wire;  // NOLINT(google-build-using-namespace): a list of message names.
  CheckOneOf<JobSubmit, JobAccepted, JobStatus, JobCancel, SlotAssign, SlotReady, PassPlan,
             ShardRequest, ShardAssign, Progress, PassDone, Names, NamesAck, NamesGet, WorkerFailed,
             JobKept, JobGet, JobInfo, Decide, BlockJoin, BlockJoined, BlockStep, BlockStepped>(
      input);
}

}  // namespace steelyard::fuzz
