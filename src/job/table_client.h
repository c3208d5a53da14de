// TableClient: a node that reads a table of a live cluster, or makes one out of rows that it has.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "client/member_node.h"
#include "job/table_scan.h"
#include "steelyard/table_options.h"
#include "transport/transport.h"

namespace steelyard::job {

/// Either finds a table by name and scans it, or creates one, which stays, and fills it. A table that could not be
/// filled is dropped.
///
/// Threads: confined to its loop.
class TableClient : public client::MemberNode {
 public:
  struct Work {
    TableOptions table;  ///< To be created and filled; to be read: only its name counts.
    bool fill = false;
    std::uint32_t row_floats = 1;  ///< Floats of a row, with the updater's state.
  };
  /// All are called on the loop; an empty function is skipped.
  struct Events {
    /// Before the first row. An error ends the work.
    std::function<Status(const wire::View&)> on_view;
    /// Reading: whole rows in key order, in pieces.
    std::function<Status(std::span<const Key> keys, std::span<const float> rows)> on_rows;
    /// Filling: refill with sorted keys and whole rows; nothing appended means the end.
    std::function<void(std::vector<Key>& keys, std::vector<float>& rows)> next_rows;
    /// The last call. Errors: kNotFound  no such table; kInvalidArgument  the name is taken; kUnavailable.
    std::function<void(const Status&)> on_end;
  };
  TableClient(Options options, Work work, Events events);

  /// End the work; on_end gets `why`.
  void Cancel(transport::Transport& transport, const Status& why) { End(transport, why); }

 private:
  enum class State { kJoining, kFinding, kAttaching, kWorking, kEnded };

  void Ask(transport::Transport& transport);
  void OnHeadReady(transport::Transport& transport) override;
  void OnHeadFrame(transport::Transport& transport, wire::Frame frame) override;
  void OnTurn(transport::Transport& transport) override;
  std::optional<runtime::Time> next_turn() const override;
  void OnView(transport::Transport& transport, wire::View view);
  void Begin(transport::Transport& transport);
  void FillNext(transport::Transport& transport);
  void End(transport::Transport& transport, const Status& status);

  TableScan scan_;
  Work work_;
  Events events_;
  State state_ = State::kJoining;
  runtime::Time asked_at_{0};
  wire::View view_;
};

}  // namespace steelyard::job
