// Range algebra: functions over the values of a key range, run where the rows are: sums, norms, products, extremes, counts.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "steelyard/functions.h"
#include "steelyard/status.h"
#include "steelyard/table_options.h"
#include "steelyard/types.h"
#include "table/rows.h"
#include "table/updater.h"

namespace steelyard::table {

/// Neighbouring rows: their keys, and of each column that the function asked for its values, as pulls read them.
struct ValueBlock {
  std::span<const Key> keys;
  std::span<const std::span<float>> columns;  ///< Each as long as `keys`.
};

/// A function on its way over the rows of one segment.
///
/// Threads: confined to its shard.
class RangeFunction {
 public:
  virtual ~RangeFunction() = default;
  /// The values of a row that it wants, by index.
  virtual std::vector<std::uint32_t> columns() const = 0;
  virtual Effect effect() const { return Effect::kReads; }
  /// Take the next rows. What it writes to their columns is kept when effect() is kChanges.
  /// Errors: end the call; nothing of this block is changed then.
  virtual Status Take(const ValueBlock& block) = 0;
  /// Errors: a user's function that failed.
  virtual Result<FunctionAnswer> Finish() { return FunctionAnswer{}; }
};

/// Make the function `name` for a table with `updater`:
///
///   summary COLUMN             numbers: rows, non-zeros, sum, sum of absolute values, sum of squares, min, max
///   dot COLUMN COLUMN          numbers: the sum of products
///   top COLUMN K               keys and numbers of the K values furthest from 0, furthest first, then by key
///   histogram COLUMN SHIFT BITS PREFIX
///                              how many values have PREFIX before the BITS above the lowest SHIFT of their OrderedBits();
///                              keys: those bits; numbers: how many values have them; absent where none has
///   scale COLUMN X             column *= X
///   axpy TO FROM X             TO += X * FROM
///   copy TO FROM               TO = FROM
///
/// Errors: kNotFound  no function has this name; kInvalidArgument  wrong arguments, or it would change values that the
///         updater computes or keeps a state for (ftrl, adagrad, adam).
Result<std::unique_ptr<RangeFunction>> MakeRangeFunction(std::string_view name,
                                                         std::span<const Argument> arguments,
                                                         const Updater& updater,
                                                         const UpdaterOptions& options,
                                                         const CustomFunctions* custom = nullptr);

/// The names of those.
std::span<const std::string_view> FunctionNames();

/// A number's bits, arranged so that they order as numbers do; -0 as 0.
std::uint32_t OrderedBits(float value);
float FromOrderedBits(std::uint32_t bits);

/// One function over the rows of a range, a slice at a time.
///
/// Threads: confined to its shard.
/// Cost:    O(rows_left) a call. Columns of an ArrayTable are used where they lie; rows of other tables, and values that
///          are computed, are gathered first.
/// Errors:  what the function ends with; rows of earlier blocks stay changed.
class RangeCall {
 public:
  /// @param updater   borrowed, as `rows` below.
  RangeCall(const Updater* updater, std::unique_ptr<RangeFunction> function, KeyRange range)
      : updater_(updater),
        function_(std::move(function)),
        cursor_(range.first),
        last_(range.last) {}

  /// Go over `rows_left` further rows, or a few more, and take them off. @return true when the range is done.
  /// @param rows  the segment's, whatever their layout is by now.
  Result<bool> Continue(Rows& rows, std::size_t& rows_left);
  Result<FunctionAnswer> Finish() { return function_->Finish(); }

 private:
  bool UsesColumns(const Rows& rows) const;
  Status TakeColumns(Rows& rows, std::size_t& rows_left, bool& end);
  Status TakeGathered(Rows& rows, std::size_t& rows_left, bool& end);
  void GatherBlock(const Rows& rows, bool& end);
  void WriteBack(Rows& rows) const;
  void MovePast(Key key, bool& end);

  const Updater* updater_;
  std::unique_ptr<RangeFunction> function_;
  Key cursor_;
  Key last_;
  std::vector<Key> keys_;
  std::vector<float> values_;  ///< [columns, kBlockRows]
};

}  // namespace steelyard::table
