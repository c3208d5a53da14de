// RecordOrder: do rows keep the order that an input promises, also where shards and files meet?
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "data/text_stream.h"
#include "steelyard/status.h"

namespace steelyard::data {

/// Sees rows in input order, not every one, and says whether the input keeps the order it promises.
class RecordOrder {
 public:
  virtual ~RecordOrder() = default;
  /// False when `record` of files[file] belongs before one seen earlier; error() says why.
  virtual bool Next(std::uint32_t file, const Record& record) = 0;
  virtual const std::string& error() const = 0;
};

/// Follows a cut from shard to shard: the last row of one and the first of the next must be in order.
class Seams {
 public:
  Seams() = default;
  explicit Seams(std::unique_ptr<RecordOrder> order) : order_(std::move(order)) {}

  /// Note a row of the input; `first` when a shard begins with it.
  Status Next(std::uint32_t file, const Record& record, bool first, const TextStream& text) {
    if (order_ == nullptr) return {};
    const bool in_order = !first || ((last_.empty() || order_->Next(last_file_, LastRecord())) &&
                                     order_->Next(file, record));
    if (!in_order) return Status(StatusCode::kBadData, order_->error(), text.WhereOf(record));
    last_.assign(record.begin, record.end);
    last_file_ = file;
    return {};
  }
  bool wanted() const { return order_ != nullptr; }

 private:
  Record LastRecord() const { return {last_.data(), last_.data() + last_.size()}; }

  std::unique_ptr<RecordOrder> order_;
  std::string last_;
  std::uint32_t last_file_ = 0;
};

}  // namespace steelyard::data
