// TableScan: reads a whole table, segment by segment, in key order.
#pragma once

#include <functional>
#include <span>

#include "client/client.h"
#include "steelyard/status.h"
#include "steelyard/table_options.h"
#include "transport/transport.h"
#include "wire/control_messages.h"

namespace steelyard::job {

/// What a scan of a job's table makes: of a batch solver's rows only the weights, which are all that is of use later; of
/// others all of it.
TableOptions ScannedTable(TableOptions table);

/// Ownership: borrows the client, on which the table is attached. Forgetting it (Stop) is safe while a scan runs.
/// Threads:   confined to the client's loop.
class TableScan {
 public:
  struct Events {
    /// Keys increase over all calls. An error ends the scan.
    std::function<Status(std::span<const Key> keys, std::span<const float> rows)> on_rows;
    /// The last call, once.
    std::function<void(const Status&)> on_end;
  };
  explicit TableScan(client::Client* client) : client_(client) {}

  /// Begin, from the first key on; a scan in progress is forgotten.
  void Start(transport::Transport& transport, const wire::View& view, Events events);
  void Stop() { ++run_; }

 private:
  void Next(transport::Transport& transport);
  void OnScanned(transport::Transport& transport, const client::Scanned& rows);
  void End(const Status& status);

  client::Client* client_;
  wire::View view_;
  Events events_;
  std::uint64_t run_ = 0;  ///< Answers to earlier runs are late.
  client::ScanRequest request_;
};

}  // namespace steelyard::job
