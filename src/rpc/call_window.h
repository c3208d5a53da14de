// CallsOut and CallsIn: the two ends of calls that are repeated until they are answered and run once.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "runtime/time.h"
#include "wire/frame.h"
#include "wire/member_messages.h"

namespace steelyard::rpc {

/// So many calls of one direction may be open; more are refused.
inline constexpr std::size_t kOpenCallsMax = 64;
/// So far may the newest call be ahead of the oldest that is open.
inline constexpr std::uint64_t kCallSpanMax = 4096;

/// The end that calls: numbers calls and repeats them, ever less often, until each is answered or given up.
///
/// Threads: confined to its owner's. PURE.
class CallsOut {
 public:
  using Frames = std::vector<wire::Frame>;

  bool full() const { return open_.size() >= kOpenCallsMax || next_ - floor() >= kCallSpanMax; }
  /// @return the call's number, which this fills in. The caller has looked at full().
  std::uint64_t Add(runtime::Time now, wire::MemberCall call, Frames& out);
  /// An answer has come. @return whether it is the first one of an open call.
  bool OnAnswer(std::uint64_t number, Frames& out);
  /// Ask no more; the other end runs it no more if it has not begun.
  void GiveUp(std::uint64_t number, Frames& out) { (void)OnAnswer(number, out); }
  /// Repeat what is due. @param all  everything: the link is a new one.
  void Repeat(runtime::Time now, Frames& out, bool all = false);
  std::optional<runtime::Time> next_wake() const;
  std::size_t open_count() const { return open_.size(); }

 private:
  struct Open {
    wire::MemberCall call;
    runtime::Time again{0};
    runtime::Duration wait{0};
  };
  std::uint64_t floor() const { return open_.empty() ? next_ : open_.begin()->first; }

  std::map<std::uint64_t, Open> open_;
  std::uint64_t next_ = 1;
};

/// The end that is called: takes each number once and keeps its answer until the other end has it.
///
/// Threads: confined to its owner's. PURE.
class CallsIn {
 public:
  enum class Taken {
    kNew,       ///< Run it, then Answer().
    kOpen,      ///< It runs.
    kAnswered,  ///< Send answer() again.
    kOver,      ///< A late copy; nobody waits for it.
    kTooMany,   ///< The other end breaks the limits.
  };
  Taken Take(const wire::MemberCall& call);
  /// @return whether the other end still wants it: send it then.
  bool Answer(const wire::MemberAnswer& answer);
  const wire::MemberAnswer& answer(std::uint64_t number) const { return *calls_.at(number).answer; }
  void OnDone(const wire::MemberDone& done);
  std::size_t open_count() const { return open_; }

 private:
  struct Call {
    bool over = false;
    std::optional<wire::MemberAnswer> answer;
  };
  void Forget(std::uint64_t floor);
  void Close(Call& call);

  std::map<std::uint64_t, Call>
      calls_;  ///< From floor_ on; a number that is over stays until the floor passes it.
  std::uint64_t floor_ = 1;
  std::size_t open_ = 0;  ///< Taken and not answered.
};

}  // namespace steelyard::rpc
