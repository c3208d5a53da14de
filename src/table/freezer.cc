// Two scans, each with a cursor.
#include "table/freezer.h"

#include <utility>

namespace steelyard::table {

bool Freezer::Advance(std::size_t& rows_left,
                      const std::function<void(Key, std::span<const float>)>& visit) {
  return from_->Scan(cursor_, [&](Key key, std::span<const float> row) {
    cursor_ = key;
    if (rows_left == 0) return false;
    --rows_left;
    if (!keep_ || keep_(key, row)) visit(key, row);
    return true;
  });
}

bool Freezer::Count(std::size_t& rows_left) {
  if (!keep_) {
    spanned_ = from_->Span();
    count_ = from_->size();
    return true;
  }
  return Advance(rows_left, [this](Key key, std::span<const float>) {
    spanned_ = {spanned_ ? spanned_->first : key, key};
    ++count_;
  });
}

bool Freezer::Continue(std::size_t rows_max) {
  std::size_t rows_left = rows_max;
  if (array_ == nullptr && !done_) {
    if (!Count(rows_left)) return false;
    cursor_ = 0;
    array_.reset(
        new ArrayTable(spanned_.value_or(KeyRange{0, 0}), count_, from_->row_floats(), *memory_));
  }
  if (!done_ && Advance(rows_left, [this](Key key, std::span<const float> row) {
        array_->Append(key, row);
      })) {
    array_->Seal();
    done_ = true;
  }
  return done_;
}

}  // namespace steelyard::table
