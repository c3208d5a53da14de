// Writes the first inputs of the fuzz targets of binary formats: one valid encoding of each message, a small model.
// fuzz_seeds FOLDER
#include <fcntl.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "checkpoint/model_writer.h"
#include "data/row_file.h"
#include "filter/key_cache.h"
#include "filter/section.h"
#include "fuzz/fuzz_target.h"
#include "wire/call_messages.h"
#include "wire/cluster_messages.h"
#include "wire/control_messages.h"
#include "wire/data_messages.h"
#include "wire/job_messages.h"
#include "wire/member_messages.h"
#include "wire/table_messages.h"

namespace steelyard::fuzz {
namespace {

std::filesystem::path corpus;

void Write(const std::string& target, const std::string& name, Bytes bytes) {
  std::filesystem::create_directories(corpus / target);
  std::ofstream file(corpus / target / name, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

// `index` is the message's place in the target's list.
template <typename Message>
void WriteMessage(const std::string& target, int index, const Message& message) {
  const Buffer body = wire::Encode(message);
  std::vector<std::byte> input{static_cast<std::byte>(index)};
  input.insert(input.end(), body.bytes().begin(), body.bytes().end());
  Write(target, std::string("valid-") + wire::MessageTypeName(Message::kType), input);
}

wire::View SampleView() {
  wire::View view;
  view.table = 3;
  view.spec.options.name = "w";
  view.spec.options.segment_count = 2;
  view.owners = {{1, 11, "127.0.0.1:4070"}, {2, 22, "127.0.0.1:4071"}};
  view.segments = {{0, 0, 1}, {Key{1} << 63, 1, 1}};
  return view;
}

wire::EvaluationPart SamplePart() {
  wire::EvaluationPart part;
  part.rows = 2;
  part.weight = 2;
  part.loss = 1;
  part.scores = {5, 6};
  part.positive = {1, 0};
  part.negative = {0, 1};
  return part;
}

void WriteControlMessages() {
  const std::string target = "control_messages";
  wire::Hello hello;
  hello.incarnation = 5;
  hello.listen_address = "127.0.0.1:4070";
  hello.description = "pid 1";
  wire::Refused refused{StatusCode::kNotFound, "no table 'w'", "head"};
  wire::OpenStream open;
  open.session = 1;
  wire::OpenAck open_ack;
  open_ack.clocks = {{1, 2}, {3, 4}};
  int index = 0;
  WriteMessage(target, index++, hello);
  WriteMessage(target, index++, wire::HelloAck{});
  WriteMessage(target, index++, refused);
  WriteMessage(target, index++, wire::Heartbeat{7});
  WriteMessage(target, index++, wire::HeartbeatAck{7});
  WriteMessage(target, index++, wire::ViewGet{0, "w"});
  WriteMessage(target, index++, SampleView());
  WriteMessage(target, index++, wire::TableCreate{SampleView().spec});
  WriteMessage(target, index++, wire::TableDrop{3});
  WriteMessage(target, index++, wire::TableDropped{3});
  WriteMessage(target, index++, wire::InstallView{SampleView()});
  WriteMessage(target, index++, wire::ViewReady{3, 1});
  WriteMessage(target, index++, open);
  WriteMessage(target, index++, open_ack);
  WriteMessage(target, index++,
               wire::TableStats{{{3, 1000, 65536, 512, 100, 42, 50}}, {4096, 2048, 100}});
  WriteMessage(target, index++, wire::ClusterGet{});
  wire::ClusterStatus cluster;
  cluster.description = "pid 1";
  cluster.nodes = {{1, wire::Role::kServer, "127.0.0.1:4071", "pid 2", 1000, 0, {4096, 2048, 100}}};
  cluster.tables = {
      {3, "w", wire::TableState::kReady, 1, 1000, 65536, 1'000'000, 512, 1, true, 42, 0.5, ""}};
  cluster.jobs = {{1, wire::JobState::kRunning, wire::Phase::kTrain, 0, 2, 1, 100, false,
                   "client 3 (pid 4)", ""}};
  WriteMessage(target, index++, cluster);
  WriteMessage(target, index++, wire::TableFreeze{3, 2.0F});
  WriteMessage(target, index++, wire::TableFrozen{3, {{1, 1000, 7, 8}}});
  WriteMessage(target, index++, wire::RetireStream{3, 7});
  WriteMessage(target, index++, wire::HotKeysGet{3, 10});
  WriteMessage(target, index++, wire::HotKeyCounts{3, 1000, {{7, 90, 2}, {8, 20, 20}}});
  WriteMessage(target, index++, wire::ClocksGet{3, 5, 9});
  WriteMessage(target, index++,
               wire::Clocks{3, {{5, 9, {{1, 2, 17, 4, true}, {7, 0, 1, -1, false}}}}});
  WriteMessage(target, index++, wire::TableFreezable{3});
}

void WriteCallMessages() {
  wire::Call call;
  call.table = 3;
  call.ts = 5;
  call.acked_ts = 4;
  call.function = "axpy";
  call.arguments = {Argument(std::uint64_t{1}), Argument(0.5), Argument("text")};
  call.entries = {{0, 1, 0}, {1, 2, 4}};
  WriteMessage("call_messages", 0, call);
  wire::CallResult result;
  result.answer = {.numbers = {1.5, -2.0}, .keys = {7, 9}};
  WriteMessage(
      "call_messages", 1,
      wire::CallResponse{.table = 3, .stream = 1, .session = 2, .ts = 5, .results = {result}});
  WriteMessage("call_messages", 2, wire::GroupServe{7, 1, {"add", "who"}});
  WriteMessage("call_messages", 3, wire::GroupServed{7, 1});
  WriteMessage("call_messages", 4,
               wire::MemberCall{5, 4, 7, wire::kEveryMember, 1'000'000, "add", "rose"});
  WriteMessage("call_messages", 5,
               wire::MemberAnswer{
                   5, {{0, StatusCode::kOk, "", "1"}, {1, StatusCode::kUnavailable, "gone", ""}}});
  WriteMessage("call_messages", 6, wire::MemberDone{5, 6});
}

void WriteJobMessages() {
  const std::string target = "job_messages";
  wire::JobSubmit submit;
  submit.slot_count = 2;
  submit.parameters = {{"alpha", "0.1"}, {"solver", "ftrl"}};
  submit.shards.resize(3);
  submit.notes = {{"data-format", "csv"}};
  wire::JobStatus status;
  status.progressive = SamplePart();
  status.valid = SamplePart();
  status.delays = {{0, 1}, {96, 2}};
  wire::SlotAssign assign;
  assign.slot_count = 2;
  assign.session = 1;
  assign.parameters = submit.parameters;
  assign.view = SampleView();
  wire::PassDone done;
  done.evaluation = SamplePart();
  wire::Names names;
  names.names = {{17, "origin=ATL"}};
  wire::WorkerFailed failed;
  failed.code = StatusCode::kBadData;
  failed.message = "label 7";
  int index = 0;
  WriteMessage(target, index++, submit);
  WriteMessage(target, index++, wire::JobAccepted{1});
  WriteMessage(target, index++, status);
  WriteMessage(target, index++, wire::JobCancel{1, "Ctrl-C"});
  WriteMessage(target, index++, assign);
  WriteMessage(target, index++, wire::SlotReady{1, 0, 1});
  WriteMessage(target, index++, wire::PassPlan{1, 0, wire::Phase::kTrain, 0, 2, 4});
  WriteMessage(target, index++, wire::ShardRequest{1, 0, 0, wire::Phase::kTrain, 0});
  WriteMessage(target, index++, wire::ShardAssign{});
  wire::Progress progress;
  progress.work.staleness.Record(7, 3);
  progress.next_step = 8;
  progress.decision = 2;
  WriteMessage(target, index++, progress);
  WriteMessage(target, index++, done);
  WriteMessage(target, index++, names);
  WriteMessage(target, index++, wire::NamesAck{1, 0, 0});
  WriteMessage(target, index++, wire::NamesGet{1, 0});
  WriteMessage(target, index++, failed);
  WriteMessage(target, index++, wire::JobKept{1, 2});
  WriteMessage(target, index++, wire::JobGet{1});
  WriteMessage(target, index++,
               wire::JobInfo{1, true, submit.parameters, {{"data-format", "csv"}}, SampleView()});
  WriteMessage(target, index++, wire::Decide{1, 2, 96, 4});
  const wire::BlockFigures figures{.segment = 1, .norm1 = 2.0, .nonzeros = 3, .features = 4};
  WriteMessage(target, index++, wire::BlockJoin{3, 1, 0, 1, 2, 4, {{1, {5, 7}}}});
  WriteMessage(target, index++, wire::BlockJoined{3, {{1, {0, 1}, 2, {{0x11}}, {{2}, {0, 0x3f}}}}});
  wire::BlockStep step;
  step.slot_count = 1;
  step.gradients = {-1.5F};
  step.curvatures = {0x3e80};
  WriteMessage(target, index++, step);
  WriteMessage(target, index++, wire::BlockStepped{3, 0, {figures}, {{1}, {0, 0x3f}}, {1}});
}

// Sections without codecs, and a signature: what the libraries' codecs write may change with their versions.
void WritePacked(wire::Push push, wire::Pull pull, wire::PullResponse response,
                 std::span<const float> values) {
  filter::SectionEncoder keys({});
  filter::SectionEncoder floats({});
  const filter::KeySignature signature = filter::SignatureOf(push.table, 0, push.keys);
  const Bytes name = std::as_bytes(std::span(&signature.hash, 1));
  const Bytes key_section = keys.Encode(push.keys);
  const Bytes float_section = floats.Encode(values, 1);
  push.keys = {};
  push.floats = {};
  pull.keys = {};
  pull.answer_codecs = {3, 5};
  const auto write_both = [](const char* target, const char* unpacked, const char* seed,
                             const wire::Frame& frame) {
    Write(target, seed, frame.body.bytes());
    Write(unpacked, seed, frame.body.bytes());
  };
  push.packed = {wire::Form::kKept, key_section, float_section};
  write_both("push", "packed_push", "kept", wire::MakeFrame(push, 1));
  push.packed = {wire::Form::kSignature, name, float_section};
  write_both("push", "packed_push", "signature", wire::MakeFrame(push, 1));
  const KeyRange range{1, 5};
  const Bytes range_name = std::as_bytes(std::span(&range, 1));
  push.packed = {wire::Form::kRange, range_name, float_section};
  write_both("push", "packed_push", "range", wire::MakeFrame(push, 1));
  pull.packed = {wire::Form::kSections, key_section, {}};
  write_both("pull", "packed_pull", "sections", wire::MakeFrame(pull, 1));
  pull.packed = {wire::Form::kSignature, name, {}};
  write_both("pull", "packed_pull", "signature", wire::MakeFrame(pull, 1));
  pull.packed = {wire::Form::kRange, range_name, {}};
  write_both("pull", "packed_pull", "range", wire::MakeFrame(pull, 1));
  response.float_count = values.size();
  response.packed = {wire::Form::kSections, {}, float_section};
  Write("pull_response", "packed", wire::MakeFrame(response, 1).body.bytes());
}

void WriteDataMessages() {
  const std::vector<Key> keys{1, 5, 9};
  const std::vector<float> floats{0.5F, -1, 2};
  const std::vector<wire::PushEntry> push_entries{{0, 2, 1, 0}, {1, 1, 1, 3}};
  const std::vector<wire::PullEntry> pull_entries{{0, 2, 1}, {1, 1, 1}};
  const std::vector<wire::EntryAnswer> failed{{1, wire::EntryCode::kGap, 2}};
  const std::vector<wire::PulledEntry> pulled{{0, wire::EntryCode::kOk, 4}};

  wire::Push push;
  push.ts = 4;
  push.acked_ts = 3;
  push.entries = push_entries;
  push.keys = keys;
  push.floats = floats;
  Write("push", "valid", wire::MakeFrame(push, 1).body.bytes());

  wire::PushAck ack;
  ack.failed = failed;
  Write("push_ack", "valid", wire::MakeFrame(ack, 1).body.bytes());

  wire::Pull pull;
  pull.entries = pull_entries;
  pull.keys = keys;
  Write("pull", "valid", wire::MakeFrame(pull, 1).body.bytes());

  wire::PullResponse response;
  response.entries = pulled;
  wire::PullResponseFrame frame = wire::MakePullResponse(response, floats.size(), 1);
  std::copy(floats.begin(), floats.end(), frame.floats.begin());
  Write("pull_response", "valid", frame.frame.body.bytes());

  WritePacked(push, pull, response, floats);

  Write("scan", "valid", wire::MakeFrame(wire::Scan{}, 1).body.bytes());

  wire::ScanResponse rows;
  rows.next = 9;
  rows.keys = keys;
  rows.floats = floats;
  Write("scan_response", "valid", wire::MakeFrame(rows, 1).body.bytes());

  wire::Frame framed = wire::MakeFrame(wire::Heartbeat{7});
  const auto header = wire::EncodeHeader(framed.header);
  std::vector<std::byte> bytes(header.begin(), header.end());
  bytes.insert(bytes.end(), framed.body.bytes().begin(), framed.body.bytes().end());
  Write("frame_header", "valid", bytes);
}

void WriteSection(const std::string& target, const std::string& name, std::uint32_t count,
                  Bytes section) {
  const Bytes head = std::as_bytes(std::span(&count, 1));
  std::vector<std::byte> input(head.begin(), head.end());
  input.insert(input.end(), section.begin(), section.end());
  Write(target, name, input);
}

// By our own codecs: what the libraries' write may change with their versions.
void WriteSections() {
  std::vector<Key> keys;
  for (Key key = 3; keys.size() < 150; key += 1 + key % 300) keys.push_back(key);
  filter::SectionEncoder raw({}), delta({&filter::DeltaCodec()});
  WriteSection("key_section", "valid-raw", 3, raw.Encode(std::span(keys).first(3)));
  WriteSection("key_section", "valid-delta", 150, delta.Encode(keys));

  std::vector<float> floats(150);
  for (std::size_t i = 0; i < floats.size(); i += 1 + i % 5) {
    floats[i] = static_cast<float>(static_cast<int>(i) - 70) / 64;
  }
  const std::vector<std::pair<std::string, std::vector<const filter::Codec*>>> stacks{
      {"raw", {}},
      {"zeros", {&filter::ZerosCodec()}},
      {"columns-fixed", {&filter::ColumnsCodec(), &filter::FixedCodec()}},
      {"zeros-fixed", {&filter::ZerosCodec(), &filter::FixedCodec()}}};
  for (const auto& [name, codecs] : stacks) {
    filter::SectionEncoder encoder(codecs);
    WriteSection("float_section", "valid-" + name, 150, encoder.Encode(floats, 3));
  }
}

void Copy(const std::filesystem::path& from, const std::string& target, const std::string& name) {
  std::filesystem::create_directories(corpus / target);
  std::filesystem::copy_file(from, corpus / target / name,
                             std::filesystem::copy_options::overwrite_existing);
}

// A small model, saved as train saves one.
Status WriteModelFiles() {
  const std::filesystem::path folder = corpus / "model.tmp";
  auto writer = checkpoint::ModelWriter::Create(folder.string());
  if (!writer.ok()) return writer.status();
  checkpoint::TableFileHeader header;
  header.table = "w";
  header.row_floats = 2;
  header.updater.name = "ftrl";
  const std::vector<Key> keys{1, 5, 9};
  const std::vector<float> rows{0.5F, 1, -1, 2, 0, 3};
  SY_RETURN_IF_ERROR(writer.value()->AddTable(header));
  SY_RETURN_IF_ERROR(writer.value()->AppendRows(keys, rows));
  for (const Key key : keys) {
    SY_RETURN_IF_ERROR(writer.value()->AppendName(key, "origin=" + std::to_string(key)));
  }
  checkpoint::ModelManifest manifest;
  manifest.created_by = "steelyard 0.1.0";
  manifest.task = "logistic";
  manifest.solver = "ftrl";
  manifest.data_format = "csv";
  manifest.key_kind = checkpoint::KeyKind::kNames;
  manifest.schema_text = "[label]\ncolumn = \"y\"\n";
  manifest.nonzeros = 2;
  manifest.parameters = {{"alpha", "0.1"}};
  manifest.metrics = {{"log_loss", 0.5}};
  SY_RETURN_IF_ERROR(writer.value()->Commit(manifest));
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    const std::string target = name == checkpoint::kManifestName    ? "manifest"
                               : name == checkpoint::kNamesFileName ? "names_file"
                                                                    : "table_file";
    Copy(entry.path(), target, "valid");
  }
  std::filesystem::remove_all(folder);
  return {};
}

Status WriteRowFile() {
  std::filesystem::create_directories(corpus / "row_file");
  const std::string path = corpus / "row_file" / "valid";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  data::RowFile rows(file, corpus.string(), {.what = "rows", .advice = "try again"});
  SY_RETURN_IF_ERROR(rows.Append({.rows = {0, 1},
                                  .labels = {1, 0},
                                  .weights = {},
                                  .offsets = {0, 2, 3},
                                  .keys = {7, 9, 8},
                                  .values = {}}));
  return rows.Append({.rows = {5},
                      .labels = {1},
                      .weights = {0.5F},
                      .offsets = {0, 1},
                      .keys = {7},
                      .values = {2}});
}

}  // namespace
}  // namespace steelyard::fuzz

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "use: fuzz_seeds FOLDER\n";
    return 2;
  }
  steelyard::fuzz::corpus = argv[1];
  steelyard::fuzz::WriteControlMessages();
  steelyard::fuzz::WriteCallMessages();
  steelyard::fuzz::WriteJobMessages();
  steelyard::fuzz::WriteDataMessages();
  steelyard::fuzz::WriteSections();
  steelyard::Status status = steelyard::fuzz::WriteModelFiles();
  if (status.ok()) status = steelyard::fuzz::WriteRowFile();
  if (!status.ok()) std::cerr << status.ToString() << "\n";
  return status.ok() ? 0 : 1;
}
