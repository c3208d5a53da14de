// Running a Submitter against a cluster that somebody else runs.
#pragma once

#include <string>

#include "job/submitter.h"
#include "steelyard/status.h"

namespace steelyard::cli {

/// How it ended.
struct SubmitterEnd {
  Status status;
  JobId job = 0;  ///< 0: the job was never accepted.
};

/// Run a Submitter on a loop of its own until it ended. Ctrl-C and SIGTERM end it in order, a second one at once.
/// @param after_signal  what the message of an interruption adds, e.g. what becomes of the job; may be empty.
/// Errors: in `status`: the job's; kCancelled  a signal.
SubmitterEnd RunSubmitter(const std::string& head_address, const job::Submitter::Manner& manner,
                          job::JobPlan plan, job::JobEvents events,
                          const std::string& after_signal);

}  // namespace steelyard::cli
