// Team: threads that share one piece of work with the thread that has it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>

namespace steelyard::runtime {

/// For work of many parts that do not depend on each other. What the parts compute must not depend on how many threads there
/// are. A thread that has worked looks for more for 200 us before it sleeps, so that pieces of 30 us, one after another, are
/// worth sharing; while it looks it gives way to whoever wants its processor.
///
/// Threads: any; while one thread's Run() has the others, another's does all of its parts itself. The threads are started by
///          the first Run() of several parts.
class Team {
 public:
  /// @param threads  with the one that calls Run(), which works along; at least 1.
  explicit Team(std::size_t threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  std::size_t size() const { return size_; }

  /// Call work(i) for each i < parts, on any of the threads, and return when all are done. Not from within `work`, which
  /// must not throw.
  void Run(std::size_t parts, const std::function<void(std::size_t)>& work);

 private:
  struct Crew;
  std::size_t size_;
  std::mutex turn_;  ///< Held by the Run() that has the crew.
  std::unique_ptr<Crew> crew_;
};

/// team->Run(parts, work); without a team (nullptr) this thread does all of them.
void ForEach(Team* team, std::size_t parts, const std::function<void(std::size_t)>& work);

}  // namespace steelyard::runtime
