// Updater: the server-side function that applies pushes to rows and computes what pulls read.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "math/online_rules.h"
#include "steelyard/status.h"
#include "steelyard/table_options.h"
#include "steelyard/types.h"
#include "table/rows.h"

namespace steelyard::table {

using steelyard::UpdaterOptions;

/// A user's update function could not be carried out.
struct UpdaterFailure {
  Key key = 0;
  std::string what;
};

class CustomFunctions;

/// Update function over rows. A row is `row_floats()` floats and starts as all zeros.
///
/// A value's state is contiguous: (z, n) of value 0, then (z, n) of value 1. Workers that replay the rule themselves
/// pull whole rows and push their change, which servers add without asking the updater.
/// With options.intercept the row of kInterceptKey follows the same rule without l1 and l2.
///
/// Shapes:  `width` values per key; row_floats() = width x (floats per value with the updater's state).
/// Threads: const and stateless; one object may serve every thread.
class Updater {
 public:
  virtual ~Updater() = default;
  /// Floats stored per key (ftrl: z, n per value; adagrad: w, n; adam: 5; sgd, add, assign, max: w).
  virtual std::size_t row_floats() const = 0;
  /// Floats read per key by a pull of values, and sent per key by a push of gradients.
  virtual std::size_t value_floats() const = 0;
  /// Apply one key's pushed values (a gradient, a delta, an assignment) to its row.
  virtual void Apply(Key key, std::span<float> row, std::span<const float> pushed) const = 0;
  /// Compute the values a pull sees from a key's row.
  virtual void Read(Key key, std::span<const float> row, std::span<float> values) const = 0;

  /// The float of a row that holds this value as Read() gives it; nothing where it is computed.
  virtual std::optional<std::size_t> StoredAt(std::size_t /*value*/) const { return {}; }
  /// True when a row is its values and nothing else, so that they may be changed by themselves.
  bool changeable() const { return row_floats() == value_floats() && StoredAt(0).has_value(); }

  /// True for a user's own function, which may fail and be slow.
  virtual bool custom() const { return false; }

  /// Apply() to the rows of `keys`, which are inserted where they are new.
  /// @param keys    [n] strictly increasing.
  /// @param pushed  [n, value_floats]
  /// @param hints   of the table as it is now, for `keys`.
  /// @return why nothing was applied; a built-in one never fails.
  virtual std::optional<UpdaterFailure> ApplyBatch(Rows& rows, std::span<const Key> keys,
                                                   std::span<const float> pushed,
                                                   SlotHints hints = {}) const;
  /// Read() the rows of `keys`; one that was never inserted reads as zeros.
  /// @param keys    [n] strictly increasing.
  /// @param values  [n, value_floats]
  /// @param hints   of the table as it is now, for `keys`.
  virtual std::optional<UpdaterFailure> ReadBatch(const Rows& rows, std::span<const Key> keys,
                                                  std::span<float> values,
                                                  SlotHints hints = {}) const;

 private:
  /// Apply() to the rows of `keys` [n] at `slots` [n], all of them there. @param pushed  [n, value_floats]
  virtual void ApplyAt(std::span<const Key> keys, std::span<const Slot> slots,
                       const float* pushed) const = 0;
  /// Read() the rows of `keys` [n] at `slots` [n]; kNoSlot reads as zeros. @param values  [n, value_floats]
  virtual void ReadAt(std::span<const Key> keys, std::span<const Slot> slots,
                      float* values) const = 0;
};

/// The updater of tables that block proximal gradient solves: see proximal_block.h. A push of values counts the keys'
/// entries, before the first pass.
inline constexpr std::string_view kProximalUpdater = "proximal";
/// Likewise for the quasi-Newton method: quasi_newton_block.h.
inline constexpr std::string_view kQuasiNewtonUpdater = "owlqn";

/// Make the updater `options.name` for tables of `width` values a key.
/// Errors: kInvalidArgument  an unknown name (the message lists the known ones), width 0, or a parameter out of range.
/// @param custom  where else to look for the name.
Result<std::unique_ptr<Updater>> MakeUpdater(const UpdaterOptions& options, std::size_t width,
                                             const CustomFunctions* custom = nullptr);

/// The names of the built-in updaters.
std::span<const std::string_view> UpdaterNames();

/// The options of an intercept's row.
UpdaterOptions Unpenalised(UpdaterOptions options);

/// The coordinate rule of `options`, for a worker that replays it. The options have been accepted by MakeUpdater().
math::FtrlRule FtrlRuleOf(const UpdaterOptions& options);
math::AdagradRule AdagradRuleOf(const UpdaterOptions& options);
math::SgdRule SgdRuleOf(const UpdaterOptions& options);

}  // namespace steelyard::table
