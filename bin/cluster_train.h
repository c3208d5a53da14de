// What `train --cluster` and `jobs wait` share: getting a job ready, running it elsewhere, and its result back.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "data/dataset.h"
#include "initial_model.h"
#include "job/submitter.h"
#include "model_saver.h"
#include "steelyard/status.h"
#include "train_input.h"
#include "train_run.h"

namespace steelyard::cli {

/// Complete the parameters of a job on a cluster: paths as the workers can open them, and how many workers. Waits for
/// the head, and says so on standard error.
///
/// @return how many servers the cluster has now.
/// Errors: kUnavailable  no head answers.
Result<std::uint64_t> PrepareForCluster(job::TrainParameters& parameters);

/// Run a job on the cluster of `parameters`. @param initial, saver  as TrainRun; borrowed.
Result<TrainOutcome> RunOnCluster(const TrainRun::Parts& parts, job::JobPlan plan);

/// Leave a job with the cluster. @return its number. Errors: kInvalidArgument  it cannot be left.
Result<JobId> LeaveWithCluster(const TrainRun::Parts& parts, job::JobPlan plan);

/// What a detached job's submitter knew of its input, for who fetches the model.
struct InputNotes {
  data::Format format = data::Format::kAuto;
  bool keys_are_ids = false;
  std::uint64_t rows_trained = 0;
};
wire::Parameters ToNotes(const TrainInput& input);
/// Errors: kBadData  notes of another program.
Result<InputNotes> FromNotes(const wire::Parameters& notes);

/// Says on standard error what a job waits for, once for each change.
class WaitLines {
 public:
  explicit WaitLines(bool quiet) : quiet_(quiet) {}
  void Show(const std::string& what) const;

 private:
  bool quiet_;
};

}  // namespace steelyard::cli
