// HostedNode: a node as a process hosts it: made after its transport listens, looked at after every event.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "transport/transport.h"

namespace steelyard::cli {

/// Passes every callback on to another node, then calls `after_event`. A transport needs its node when it is made, and
/// a server needs its transport's address when it is made: this stands between.
///
/// Ownership: borrows the node.
/// Threads:   as the node.
class HostedNode final : public transport::Node {
 public:
  /// Before the transport starts. @param after_event  e.g. stop the loop once the node has failed; may be empty.
  void Host(transport::Node& node, std::function<void()> after_event) {
    node_ = &node;
    after_event_ = std::move(after_event);
  }

  void OnStart(transport::Transport& transport) override {
    node_->OnStart(transport);
    AfterEvent();
  }
  void OnOpen(transport::Transport& transport, transport::LinkId link, bool accepted,
              const std::string& peer) override {
    node_->OnOpen(transport, link, accepted, peer);
    AfterEvent();
  }
  void OnFrame(transport::Transport& transport, transport::LinkId link,
               wire::Frame frame) override {
    node_->OnFrame(transport, link, std::move(frame));
    AfterEvent();
  }
  void OnClose(transport::Transport& transport, transport::LinkId link,
               const Status& why) override {
    node_->OnClose(transport, link, why);
    AfterEvent();
  }
  void OnWake(transport::Transport& transport) override {
    node_->OnWake(transport);
    AfterEvent();
  }

 private:
  void AfterEvent() {
    if (after_event_) after_event_();
  }

  transport::Node* node_ = nullptr;
  std::function<void()> after_event_;
};

}  // namespace steelyard::cli
