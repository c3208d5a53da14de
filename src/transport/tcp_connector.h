// TcpConnector: one attempt to connect, by number or by name, with a time limit. Part of TcpTransport.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "runtime/real_loop.h"
#include "steelyard/status.h"

namespace steelyard::transport {

/// Tries the addresses that a name has, one after another.
///
/// Threads: confined to the loop; names are looked up on a thread of Asio's. No callback after the destructor.
class TcpConnector {
 public:
  struct Options {
    runtime::Duration timeout = std::chrono::seconds(5);
    bool same_host_names = false;  ///< Try SameHostName() before each address.
  };
  /// @param done  called once, never inline, with a connected socket to own or the reason why not.
  TcpConnector(runtime::RealLoop& loop, const std::string& address, const Options& options,
               std::function<void(Result<int> fd)> done);
  ~TcpConnector();
  TcpConnector(const TcpConnector&) = delete;
  TcpConnector& operator=(const TcpConnector&) = delete;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace steelyard::transport
