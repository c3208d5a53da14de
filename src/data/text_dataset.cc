// Counting, cutting and reading text.
#include "data/text_dataset.h"

#include <fmt/format.h>

#include <mutex>
#include <optional>
#include <utility>

#include "data/chunk_cutter.h"

namespace steelyard::data {
namespace {

constexpr std::size_t kFeaturesPerBlockMax = std::size_t{1}
                                             << 31;  // RowBlock's offsets are 32 bits wide.

/// What the dataset and its readers share.
class TextContent {
 public:
  explicit TextContent(TextInput from)
      : input(std::move(from)),
        bad_rows(input.bad_rows, [this] { return Total(); }),
        counts_(input.files.size()) {
    for (const InputFile& file : input.files) paths.push_back(file.path);
  }

  Result<std::uint64_t> Total() {
    std::uint64_t total = 0;
    for (std::uint32_t i = 0; i < input.files.size(); ++i) {
      Result<std::uint64_t> rows = CountOf(i);
      if (!rows.ok() || rows.value() == kRowsUnknown) return rows;
      total += rows.value();
    }
    return total;
  }

  /// Rows of one file, counted once.
  Result<std::uint64_t> CountOf(std::uint32_t index) {
    const std::lock_guard lock(mutex_);
    if (input.files[index].stream) return kRowsUnknown;
    if (!counts_[index]) {
      Seams none;
      Result<std::uint64_t> rows = Scan(index, kRowsUnknown, nullptr, none);
      if (!rows.ok()) return rows;
      counts_[index] = rows.value();
    }
    return *counts_[index];
  }

  /// Cut one plain file into shards and count it.
  Result<std::uint64_t> CutFile(std::uint32_t index, std::uint64_t rows_per_shard,
                                std::vector<Shard>& shards, Seams& seams) {
    const std::lock_guard lock(mutex_);
    Result<std::uint64_t> rows = Scan(index, rows_per_shard, &shards, seams);
    if (rows.ok()) counts_[index] = rows.value();
    return rows;
  }

  /// Make one shard of a packed file or stream. The rows are counted only where files after it need their numbers.
  Result<std::uint64_t> TakeWhole(std::uint32_t index, std::vector<Shard>& shards, Seams& seams) {
    const bool last = index + 1 == input.files.size();
    shards.push_back(
        {.file = index, .byte_count = input.files[index].bytes, .row_count = kRowsUnknown});
    if (last && (!seams.wanted() || index == 0)) return kRowsUnknown;
    const std::lock_guard lock(mutex_);
    if (last) {  // Its first row is enough.
      Result<std::unique_ptr<TextStream>> text = OpenText(shards.back());
      if (!text.ok()) return text.status();
      Record record;
      const Result<bool> more = text.value()->Next(record);
      if (!more.ok()) return more.status();
      if (more.value()) SY_RETURN_IF_ERROR(seams.Next(index, record, true, *text.value()));
      return kRowsUnknown;
    }
    if (!counts_[index] || seams.wanted()) {
      Result<std::uint64_t> rows = Scan(index, kRowsUnknown, nullptr, seams);
      if (!rows.ok()) return rows;
      counts_[index] = rows.value();
    }
    shards.back().row_count = *counts_[index];
    return *counts_[index];
  }

  /// The text of a shard, from its first row.
  Result<std::unique_ptr<TextStream>> OpenText(const Shard& shard) {
    const InputFile& file = input.files[shard.file];
    const bool plain = !file.stream && file.packing == Packing::kNone;
    // What another process reads arrives chunk by chunk.
    if (input.chunks) return TextOf(RowChunk{});
    const std::uint64_t first = plain ? std::max(shard.first_byte, file.rows_start) : 0;
    Result<std::unique_ptr<ByteSource>> source = std::unique_ptr<ByteSource>();
    if (file.stream) {
      const std::lock_guard lock(mutex_);
      if (input.stream == nullptr) {
        return Status(StatusCode::kInvalidArgument,
                      "a stream can be read only once; write it to a file to read it again",
                      file.path);
      }
      source = std::move(input.stream);
    } else if (plain) {
      const std::uint64_t end = shard.first_byte + shard.byte_count;
      source = OpenFile(file.path, first, end - std::min(first, end));
    } else {
      source = OpenFile(file.path);
      if (source.ok()) source = Unpack(file.packing, std::move(source.value()), file.path);
    }
    if (!source.ok()) return source.status();
    auto text = std::make_unique<TextStream>(
        std::move(source.value()), file.shape,
        TextStream::Place{.path = file.path, .first_byte = first, .recountable = plain});
    if (!plain) SY_RETURN_IF_ERROR(text->Skip(file.rows_start));
    return text;
  }

  /// The text of a chunk of the stream.
  std::unique_ptr<TextStream> TextOf(RowChunk chunk) const {
    const InputFile& file = input.files.front();
    return std::make_unique<TextStream>(FromMemory(std::move(chunk.text)), file.shape,
                                        TextStream::Place{.path = file.path,
                                                          .first_byte = 0,
                                                          .recountable = false,
                                                          .first_line = chunk.first_line});
  }

  /// The stream as text for others.
  Result<StreamFeed> TakeStream() {
    Result<std::unique_ptr<TextStream>> text = OpenText({});
    if (!text.ok()) return text.status();
    Seams seams;
    if (input.make_order) seams = Seams(input.make_order());
    return StreamFeed{
        .name = paths.front(),
        .head = std::move(input.head),
        .chunks = std::make_unique<ChunkCutter>(std::move(text.value()), std::move(seams))};
  }

  TextInput input;
  std::vector<std::string> paths;
  BadRows bad_rows;

 private:
  Result<std::uint64_t> Scan(std::uint32_t index, std::uint64_t rows_per_shard,
                             std::vector<Shard>* shards, Seams& seams) {
    const InputFile& file = input.files[index];
    Result<std::unique_ptr<TextStream>> text =
        OpenText({.file = index, .first_byte = 0, .byte_count = file.bytes});
    if (!text.ok()) return text.status();
    Record record;
    std::uint64_t next_shard = 0;  // The row that it begins with.
    for (std::uint64_t rows = 0;; ++rows) {
      const Result<bool> more = text.value()->Next(record);
      if (!more.ok()) return more.status();
      if (!more.value()) {
        if (shards != nullptr && rows > 0) Close(*shards, file.bytes, rows);
        return rows;
      }
      const bool first = rows == next_shard;
      if (first) next_shard += rows_per_shard;
      if (seams.wanted()) SY_RETURN_IF_ERROR(seams.Next(index, record, first, *text.value()));
      if (shards == nullptr || !first) continue;
      const std::uint64_t at = text.value()->OffsetOf(record);
      if (rows > 0) Close(*shards, at, rows);
      shards->push_back({.file = index, .first_byte = at, .first_row = rows});
    }
  }

  /// End the last shard before byte `at` and row `row` of its file.
  static void Close(std::vector<Shard>& shards, std::uint64_t at, std::uint64_t row) {
    Shard& shard = shards.back();
    shard.byte_count = at - shard.first_byte;
    shard.row_count = row - shard.first_row;
  }

  std::mutex mutex_;
  std::vector<std::optional<std::uint64_t>> counts_;  ///< [files]
};

class TextReader : public RowReader {
 public:
  TextReader(std::shared_ptr<TextContent> content, const Shard& shard,
             std::unique_ptr<TextStream> text)
      : content_(std::move(content)),
        shard_(shard),
        text_(std::move(text)),
        parser_(content_->input.make_parser(shard.file)),
        row_(shard.first_row) {}

  Status Read(std::size_t rows_max, RowBlock& block) override {
    const std::size_t target = block.size() + rows_max;
    while (block.size() < target && block.keys.size() < kFeaturesPerBlockMax) {
      Record record;
      const Result<bool> more = text_->Next(record);
      if (!more.ok()) return more.status();
      if (!more.value()) {
        const Result<bool> goes_on = NextChunk();
        if (!goes_on.ok()) return goes_on.status();
        if (!goes_on.value()) return Finish();
        continue;
      }
      const std::uint64_t row = row_++;
      if (parser_->Parse(record, row, block)) continue;
      const auto why = [&] {
        return Status(StatusCode::kBadData, parser_->error(), text_->WhereOf(record));
      };
      if (parser_->fatal()) return why();
      ++bad_rows_;
      SY_RETURN_IF_ERROR(content_->bad_rows.Refuse(row, why));
    }
    return {};
  }

  std::uint64_t bad_rows() const override { return bad_rows_; }
  std::vector<std::pair<Key, std::string>> TakeNames() override { return parser_->TakeNames(); }

 private:
  /// A stream that another process reads: go on with what it sends next. False at the end.
  Result<bool> NextChunk() {
    if (content_->input.chunks == nullptr || ended_) return false;
    RowChunk chunk;
    Result<bool> more = content_->input.chunks->Next(chunk);
    if (!more.ok()) return more;
    ended_ = !more.value();
    row_ = chunk.first_row;
    if (!ended_) text_ = content_->TextOf(std::move(chunk));
    return more;
  }

  Status Finish() {
    const std::uint64_t rows = row_ - shard_.first_row;
    if (shard_.row_count == kRowsUnknown) {
      return content_->input.files[shard_.file].stream ? content_->bad_rows.Finish(row_) : Status();
    }
    if (rows == shard_.row_count) return {};
    return Status(
        StatusCode::kBadData,
        fmt::format("rows {} to {} were counted here, now there are {}: the file was changed "
                    "while being read",
                    shard_.first_row, shard_.first_row + shard_.row_count, rows),
        content_->paths[shard_.file]);
  }

  std::shared_ptr<TextContent> content_;
  Shard shard_;
  std::unique_ptr<TextStream> text_;
  std::unique_ptr<RowParser> parser_;
  std::uint64_t row_;
  std::uint64_t bad_rows_ = 0;
  bool ended_ = false;  ///< The last chunk was read.
};

class TextDataset : public Dataset {
 public:
  explicit TextDataset(TextInput input)
      : content_(std::make_shared<TextContent>(std::move(input))) {}

  const std::vector<std::string>& files() const override { return content_->paths; }
  Format format() const override { return content_->input.format; }
  bool keys_are_ids() const override { return KeysAreIds(format()); }
  bool is_stream() const override { return content_->input.files.front().stream; }
  Result<std::uint64_t> CountRows() override { return content_->Total(); }
  Result<StreamFeed> TakeStream() override {
    return is_stream() ? content_->TakeStream() : Dataset::TakeStream();
  }

  Result<std::vector<Shard>> Cut(std::uint64_t rows_per_shard) override {
    if (rows_per_shard == 0) return Status(StatusCode::kInvalidArgument, "rows_per_shard is 0");
    std::vector<Shard> shards;
    std::uint64_t row = 0;
    const auto& files = content_->input.files;
    Seams seams;
    if (content_->input.make_order) seams = Seams(content_->input.make_order());
    for (std::uint32_t i = 0; i < files.size(); ++i) {
      const std::size_t first_shard = shards.size();
      const bool plain = !files[i].stream && files[i].packing == Packing::kNone;
      const Result<std::uint64_t> rows = plain ? content_->CutFile(i, rows_per_shard, shards, seams)
                                               : content_->TakeWhole(i, shards, seams);
      if (!rows.ok()) return rows.status();
      for (std::size_t s = first_shard; s < shards.size(); ++s) shards[s].first_row += row;
      row += rows.value();
    }
    if (shards.empty()) {
      return Status(StatusCode::kBadData, "the input holds no rows", content_->paths.front());
    }
    return shards;
  }

  Result<std::unique_ptr<RowReader>> Open(const Shard& shard) override {
    if (shard.file >= content_->input.files.size()) {
      return Status(
          StatusCode::kInvalidArgument,
          fmt::format("shard of file {}, but the input has {} files: do all processes see "
                      "the same files?",
                      shard.file, content_->input.files.size()));
    }
    Result<std::unique_ptr<TextStream>> text = content_->OpenText(shard);
    if (!text.ok()) return text.status();
    return std::unique_ptr<RowReader>(
        std::make_unique<TextReader>(content_, shard, std::move(text.value())));
  }

 private:
  std::shared_ptr<TextContent> content_;
};

}  // namespace

std::unique_ptr<Dataset> MakeTextDataset(TextInput input) {
  return std::make_unique<TextDataset>(std::move(input));
}

TextInput TakeFiles(std::vector<ProbedFile> probed, const DatasetOptions& options) {
  TextInput input;
  input.bad_rows = {.rows_max = options.bad_rows_max,
                    .fraction_max = options.bad_rows_fraction_max};
  for (ProbedFile& each : probed) {
    if (each.file.stream) {
      input.stream = std::move(each.source);
      input.chunks = std::move(each.chunks);
      input.head = std::move(each.head);
    }
    input.files.push_back(std::move(each.file));
  }
  return input;
}

}  // namespace steelyard::data
