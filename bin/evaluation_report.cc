// Absent figures stay absent; a mean loss is shown where it has no better name.
#include "evaluation_report.h"

namespace steelyard::cli {

EvaluationReport ReportOf(const math::Evaluation& evaluation) {
  EvaluationReport report;
  report.rows = evaluation.rows();
  report.log_loss = evaluation.log_loss();
  report.auc = evaluation.auc();
  report.accuracy = evaluation.accuracy();
  report.calibration = evaluation.calibration();
  report.rmse = evaluation.rmse();
  if (!report.log_loss.has_value() && !report.rmse.has_value())
    report.mean_loss = evaluation.mean_loss();
  return report;
}

}  // namespace steelyard::cli
