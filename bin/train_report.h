// From a job's last status to the figures that train prints and keeps in the model.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "job/parameters.h"
#include "output.h"
#include "progress.h"
#include "wire/job_messages.h"

namespace steelyard::cli {

/// Fill in what the status and the parameters say; features, nonzeros and seconds are the caller's.
TrainReport ReportOf(const job::TrainParameters& parameters, const wire::JobStatus& status);

/// Note a batch solver's pass, when the status is the first one after it.
void AddPass(const wire::BatchStatus& status, double seconds, std::vector<BatchPass>& history);

/// The line of progress for a status.
/// @param rows_trained  about how many rows a pass trains on; 0 when unknown.
ProgressSample SampleOf(const job::TrainParameters& parameters, std::uint64_t rows_trained,
                        const wire::JobStatus& status);

/// What the model remembers of how well it was trained.
std::map<std::string, double> MetricsOf(const TrainReport& report);

}  // namespace steelyard::cli
