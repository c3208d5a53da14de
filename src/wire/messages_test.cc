// Goal: bodies round-trip, and no damaged body is accepted as whole or read out of bounds.
// Method: round trips, every truncation, counts that lie, random bytes.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <random>

#include "wire/block_messages.h"
#include "wire/cluster_messages.h"
#include "wire/control_messages.h"
#include "wire/data_messages.h"
#include "wire/job_messages.h"
#include "wire/test_whole.h"
#include "wire/upper_half_float.h"

namespace steelyard::wire {
namespace {

View SampleView() {
  View view;
  view.table = 3;
  view.spec.options.name = "w";
  view.spec.options.segment_count = 2;
  view.owners = {{1, 11, "127.0.0.1:4070"}, {2, 22, "127.0.0.1:4071"}};
  view.segments = {{0, 0, 1}, {Key{1} << 63, 1, 1}};
  return view;
}

TEST(ControlMessages, RefuseEveryTruncation) {
  Hello hello;
  hello.incarnation = 5;
  hello.listen_address = "127.0.0.1:1";
  ExpectWhole(hello);
  ExpectWhole(SampleView());
  OpenAck ack;
  ack.clocks = {{1, 2}, {3, 4}};
  ExpectWhole(ack);
  JobSubmit submit;
  submit.slot_count = 2;
  submit.parameters = {{"alpha", "0.1"}, {"solver", "ftrl"}};
  submit.shards.resize(3);
  ExpectWhole(submit);
  JobStatus status;
  status.valid.rows = 2;
  status.valid.scores = {5, 6};
  status.valid.positive = {1, 0};
  status.valid.negative = {0, 1};
  status.delays = {{0, 1}, {96, 2}};
  status.work.staleness.Record(7, 3);
  ExpectWhole(status);
  status.work.staleness.buckets.resize(StalenessSums::kBucketsMax + 1);
  EXPECT_EQ(Decode<JobStatus>(Encode(status).bytes()).status().code(), StatusCode::kCorruption);
  ExpectWhole(Decide{1, 2, 96, 4});
  EXPECT_EQ(Decode<Decide>(Encode(Decide{1, 2, 96, -4}).bytes()).status().code(),
            StatusCode::kCorruption);
  Names names;
  names.names = {{17, "origin=ATL"}};
  ExpectWhole(names);
  JobInfo info;
  info.parameters = {{"alpha", "0.1"}};
  info.notes = {{"data-format", "csv"}};
  info.view = SampleView();
  ExpectWhole(info);
}

ClusterStatus SampleStatus() {
  ClusterStatus status;
  status.description = "pid 1";
  status.nodes = {{1, Role::kServer, "127.0.0.1:4071", "pid 2", 1000, 0, {4096, 2048, 100}}};
  status.tables = {
      {3, "w", TableState::kReady, 1, 1000, 65536, 1'000'000, 512, 1, true, 42, 0.5, ""}};
  status.jobs = {{1, JobState::kRunning, Phase::kTrain, 0, 2, 1, 100, false, "client 3", ""}};
  return status;
}

TEST(ControlMessages, ClusterStatusRoundTripsAndChecksItsKinds) {
  ExpectWhole(SampleStatus());
  const auto status = Decode<ClusterStatus>(Encode(SampleStatus()).bytes());
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status.value().nodes, SampleStatus().nodes);
  EXPECT_EQ(status.value().tables, SampleStatus().tables);
  EXPECT_EQ(status.value().jobs, SampleStatus().jobs);
  ClusterStatus wrong = SampleStatus();
  wrong.nodes[0].role = static_cast<Role>(9);
  EXPECT_FALSE(Decode<ClusterStatus>(Encode(wrong).bytes()).ok());
  wrong = SampleStatus();
  wrong.tables[0].state = static_cast<TableState>(9);
  EXPECT_FALSE(Decode<ClusterStatus>(Encode(wrong).bytes()).ok());
  wrong = SampleStatus();
  wrong.jobs[0].state = static_cast<JobState>(9);
  EXPECT_FALSE(Decode<ClusterStatus>(Encode(wrong).bytes()).ok());
}

TEST(ControlMessages, StepsOfNoBlockAreRefused) {
  const auto decodes = [](const auto& message) {
    return Decode<std::decay_t<decltype(message)>>(Encode(message).bytes()).ok();
  };
  BlockStep step{
      .slot_count = 1, .action = BlockAction::kSearch, .gradients = {}, .curvatures = {}};
  ExpectWhole(step);
  for (const std::uint32_t blocks : {0u, kBlocksMax + 1}) {
    step.blocks = blocks;
    EXPECT_FALSE(decodes(step));
  }
  step.blocks = 1;
  step.action = static_cast<BlockAction>(6);
  EXPECT_FALSE(decodes(step));
}

TEST(ControlMessages, StepsCarryWhatTheirActionHas) {
  const auto read = [](const BlockStep& step) { return Decode<BlockStep>(Encode(step).bytes()); };
  const BlockStep step{.slot_count = 1, .gradients = {-1.5F}, .curvatures = {0x3e80}};
  EXPECT_TRUE(read(step).ok());
  BlockStep wrong = step;
  wrong.action = BlockAction::kSweep;
  EXPECT_FALSE(read(wrong).ok()) << "a sweep has no curvatures";
  wrong.curvatures = {};
  EXPECT_TRUE(read(wrong).ok());
  wrong.action = BlockAction::kMeasure;
  EXPECT_FALSE(read(wrong).ok()) << "and looking has no gradients";
  for (const std::uint16_t half : std::vector<std::uint16_t>{0x8000, 0xbf80, 0x7f80, 0x7fc0}) {
    wrong = step;
    wrong.curvatures = {half};
    EXPECT_FALSE(read(wrong).ok()) << "-0, -1, infinite, NaN";
  }
  BlockStep move{.slot_count = 1,
                 .action = BlockAction::kMove,
                 .newton = {.direction = {1.0, 2.0}, .reach = 0.5},
                 .gradients = {},
                 .curvatures = {}};
  EXPECT_EQ(read(move).value().newton.direction, move.newton.direction);
  move.action = BlockAction::kMeasure;
  EXPECT_TRUE(read(move).value().newton.direction.empty()) << "only two actions have one";
}

TEST(ControlMessages, HalvesOfFloatsAreUpperBounds) {
  std::size_t exact = 0;
  for (float bound = 0.0F; bound < 2.0F; bound += 0.001F) {
    const float half = FloatOfUpperHalf(UpperHalfOf(bound));
    EXPECT_GE(half, bound);
    EXPECT_LE(half, bound * (1.0F + 1.0F / 128));
    exact += half == bound ? 1 : 0;
  }
  EXPECT_LT(exact, 100u);
  for (const float bound : {0.0F, 0.25F, 1.0F, 1.0078125F, 255.0F})
    EXPECT_EQ(FloatOfUpperHalf(UpperHalfOf(bound)), bound);
  EXPECT_TRUE(IsUpperBound(UpperHalfOf(1e38F)));
  EXPECT_FALSE(IsUpperBound(UpperHalfOf(std::numeric_limits<float>::max()))) << "none is above";
}

TEST(ControlMessages, FiguresThatAreNotThereTakeABit) {
  const BlockFigures none{.segment = 7};
  EXPECT_EQ(Encode(none).size(), 6u);
  const BlockFigures all{.segment = 1,
                         .violation_max = 1.0F,
                         .gradient_max = 2.0F,
                         .gain = 3.0,
                         .norm1 = 4.0,
                         .norm2_squared = 5.0,
                         .nonzeros = 6,
                         .settled = 7,
                         .features = 8,
                         .model = {9.0},
                         .penalties = {10.0},
                         .slope = 11.0,
                         .products = {12.0}};
  const BlockStepped stepped{.figures = {all, none}};
  const auto read = Decode<BlockStepped>(Encode(stepped).bytes());
  ASSERT_TRUE(read.ok());
  const BlockFigures& figures = read.value().figures[0];
  EXPECT_EQ(figures.violation_max + figures.gradient_max, 3.0F);
  EXPECT_EQ(figures.gain + figures.norm1 + figures.norm2_squared + figures.slope, 23.0);
  EXPECT_EQ(figures.nonzeros * 100 + figures.settled * 10 + figures.features, 678u);
  EXPECT_EQ(figures.model, all.model);
  EXPECT_EQ(figures.penalties, all.penalties);
  EXPECT_EQ(figures.products, all.products);
  EXPECT_EQ(read.value().figures[1].features, 0u);
  // The same with a figure's bit cleared, or another set, is not what would be written.
  const Buffer body = Encode(stepped);
  constexpr std::size_t kBits = 4 + 8 + 4 + 4;  // After table, step, count and segment.
  for (int bit = 0; bit < 16; ++bit) {
    std::vector<std::byte> bytes(body.bytes().begin(), body.bytes().end());
    bytes[kBits + bit / 8] ^= std::byte{1} << bit % 8;
    EXPECT_FALSE(Decode<BlockStepped>(bytes).ok()) << bit;
  }
}

TEST(ControlMessages, ViewRoundTrips) {
  const auto view = Decode<View>(Encode(SampleView()).bytes());
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view.value().owners, SampleView().owners);
  EXPECT_EQ(view.value().segments, SampleView().segments);
  EXPECT_EQ(view.value().spec.options, SampleView().spec.options);
}

TEST(ControlMessages, ViewMustPartitionTheKeys) {
  View overlap = SampleView();
  overlap.segments[1].first = 0;
  EXPECT_FALSE(Decode<View>(Encode(overlap).bytes()).ok());
  View orphan = SampleView();
  orphan.segments[1].owner = 2;
  EXPECT_FALSE(Decode<View>(Encode(orphan).bytes()).ok());
  View late = SampleView();
  late.segments[0].first = 1;
  EXPECT_FALSE(Decode<View>(Encode(late).bytes()).ok());
}

TEST(ControlMessages, ACountThatCannotFitIsRefusedBeforeMemoryIsTaken) {
  ByteWriter writer;
  writer.Put(TableId{1});
  writer.Put(StreamId{1});
  writer.Put(Session{1});
  writer.Put(std::uint32_t{0xFFFFFFFF});  // clocks
  EXPECT_FALSE(Decode<OpenAck>(writer.Finish().bytes()).ok());
}

struct SamplePush {
  std::vector<PushEntry> entries = {{.segment = 0, .count = 2, .epoch = 1, .prev_ts = 4},
                                    {.segment = 1, .count = 1, .epoch = 1, .prev_ts = 3}};
  std::vector<Key> keys = {10, 20, kKeyMax};
  std::vector<float> floats = {1, 2, 3, 4, 5, 6};
  Push push{.table = 1,
            .stream = 2,
            .session = 3,
            .ts = 5,
            .acked_ts = 4,
            .step = 7,
            .through_step = 7,
            .columns = Columns::kRows,
            .floats_per_key = 2,
            .entries = entries,
            .keys = keys,
            .floats = floats};
};

TEST(DataMessages, PushRoundTrips) {
  const SamplePush sample;
  const Frame frame = MakeFrame(sample.push, 77);
  EXPECT_EQ(frame.header.request_id, 77u);
  const auto push = DecodePush(frame.body.bytes());
  ASSERT_TRUE(push.ok());
  EXPECT_EQ(push.value().through_step, 7);
  EXPECT_EQ(push.value().entries[1].prev_ts, 3u);
  EXPECT_TRUE(std::ranges::equal(push.value().keys, sample.keys));
  EXPECT_TRUE(std::ranges::equal(push.value().floats, sample.floats));
}

TEST(DataMessages, PushRefusesTruncationsAndWrongSums) {
  SamplePush sample;
  const Frame frame = MakeFrame(sample.push, 1);
  for (std::size_t size = 0; size < frame.body.size(); ++size) {
    EXPECT_FALSE(DecodePush(frame.body.bytes().first(size)).ok());
  }
  sample.entries[0].count = 1;
  EXPECT_FALSE(DecodePush(MakeFrame(sample.push, 1).body.bytes()).ok());
  sample.entries[0].count = 2;
  sample.push.acked_ts = 5;  // A push cannot be acknowledged before it is sent.
  EXPECT_FALSE(DecodePush(MakeFrame(sample.push, 1).body.bytes()).ok());
}

TEST(DataMessages, PullAndItsAnswerRoundTrip) {
  const std::vector<PullEntry> entries = {{.segment = 4, .count = 2, .epoch = 9}};
  const std::vector<Key> keys = {5, 6};
  const Frame frame = MakeFrame(Pull{.table = 1,
                                     .group = 2,
                                     .stream = 3,
                                     .session = 4,
                                     .acked_ts = 5,
                                     .step = 6,
                                     .gate_step = 4,
                                     .columns = Columns::kRows,
                                     .entries = entries,
                                     .keys = keys},
                                8);
  const auto pull = DecodePull(frame.body.bytes());
  ASSERT_TRUE(pull.ok());
  EXPECT_EQ(pull.value().gate_step, 4);
  EXPECT_EQ(pull.value().entries[0].epoch, 9u);

  const std::vector<PulledEntry> pulled = {{.segment = 4, .code = EntryCode::kOk, .clock = 11}};
  auto [answer, floats] = MakePullResponse({.table = 1,
                                            .columns = Columns::kRows,
                                            .floats_per_key = 2,
                                            .through_min = 5,
                                            .entries = pulled,
                                            .floats = {}},
                                           4, 8);
  std::ranges::fill(floats, 1.5F);
  const auto response = DecodePullResponse(answer.body.bytes());
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response.value().entries[0].clock, 11u);
  EXPECT_EQ(response.value().floats.size(), 4u);
  EXPECT_EQ(response.value().floats[3], 1.5F);
}

TEST(DataMessages, APullCannotWaitForItsOwnFuture) {
  const Frame frame =
      MakeFrame(Pull{.table = 1, .step = 6, .gate_step = 7, .entries = {}, .keys = {}}, 8);
  EXPECT_FALSE(DecodePull(frame.body.bytes()).ok());
}

TEST(DataMessages, ScanRoundTrips) {
  const std::vector<Key> keys = {1, 2, 3};
  const std::vector<float> floats = {1, 2, 3};
  const Frame frame = MakeFrame(ScanResponse{.table = 1,
                                             .segment = 2,
                                             .columns = Columns::kValues,
                                             .floats_per_key = 1,
                                             .end = false,
                                             .next = 4,
                                             .counted = 6,
                                             .keys = keys,
                                             .floats = floats},
                                1);
  const auto response = DecodeScanResponse(frame.body.bytes());
  ASSERT_TRUE(response.ok());
  EXPECT_FALSE(response.value().end);
  EXPECT_EQ(response.value().next, 4u);
  EXPECT_EQ(response.value().counted, 6u);
  EXPECT_TRUE(std::ranges::equal(response.value().keys, keys));
  EXPECT_TRUE(std::ranges::equal(response.value().floats, floats));
  const auto scan =
      DecodeScan(MakeFrame(Scan{.table = 1, .segment = 2, .epoch = 3, .first = 4, .rows_max = 5}, 1)
                     .body.bytes());
  ASSERT_TRUE(scan.ok());
  EXPECT_EQ(scan.value().first, 4u);
  EXPECT_EQ(scan.value().last, kKeyMax);
}

TEST(DataMessages, AScanOfKeysAloneHasNoFloats) {
  const std::vector<Key> keys = {1, 2, 3};
  ScanResponse response{.columns = Columns::kNone, .floats_per_key = 0, .keys = keys, .floats = {}};
  EXPECT_TRUE(DecodeScanResponse(MakeFrame(response, 1).body.bytes()).ok());
  response.columns = Columns::kValues;
  EXPECT_FALSE(DecodeScanResponse(MakeFrame(response, 1).body.bytes()).ok());
  const auto accepted = [](const Scan& scan) {
    return DecodeScan(MakeFrame(scan, 1).body.bytes()).ok();
  };
  EXPECT_TRUE(accepted({.columns = Columns::kNone, .at_least = 2.0F, .stride = 7, .skip = 3}));
  EXPECT_FALSE(accepted({.stride = 0}));
  EXPECT_FALSE(accepted({.at_least = -1.0F}));
  EXPECT_FALSE(accepted({.first = 9, .last = 8}));
}

TEST(ControlMessages, CutsMustPartitionTheKeySpaceInOrder) {
  const auto accepted = [](std::vector<Key> cuts) {
    const TableCreate create{.spec = {{.name = "t", .segment_count = 3}}, .cuts = std::move(cuts)};
    return create.Check().ok();
  };
  EXPECT_TRUE(accepted({}));
  EXPECT_TRUE(accepted({0, 5, kKeyMax}));
  EXPECT_FALSE(accepted({0, 5}));
  EXPECT_FALSE(accepted({1, 5, 9}));
  EXPECT_FALSE(accepted({0, 5, 5}));
}

TEST(DataMessages, RandomBytesNeverCrashADecoder) {
  std::mt19937_64 random(11);
  int decoded = 0;
  for (int i = 0; i < 20'000; ++i) {
    Buffer body = Buffer::Allocate(random() % 256);
    for (std::byte& b : body.writable())
      b = static_cast<std::byte>(random() % 4 == 0 ? random() : 0);
    decoded += DecodePush(body.bytes()).ok() + DecodePull(body.bytes()).ok() +
               DecodePushAck(body.bytes()).ok() + DecodePullResponse(body.bytes()).ok() +
               DecodeScan(body.bytes()).ok() + DecodeScanResponse(body.bytes()).ok() +
               Decode<View>(body.bytes()).ok();
  }
  EXPECT_LT(decoded, 20'000);
}

}  // namespace
}  // namespace steelyard::wire
