// An updater and a function for servers to load: each push to a key counts 1, and older pushes count less and less. And a
// function for the workers of training jobs.
#include <steelyard/updater.h>

#include <stdexcept>
#include <string>

namespace {

// value = alpha x value + pushed. Keeps what a pull reads, one float a value.
class Fading final : public steelyard::CustomUpdater {
 public:
  Fading(float keep, std::size_t width) : keep_(keep), width_(width) {}
  std::size_t row_floats() const override { return width_; }
  void Apply(std::span<float> row, std::span<const float> pushed) const override {
    for (std::size_t i = 0; i < width_; ++i) row[i] = keep_ * row[i] + pushed[i];
  }
  void Read(std::span<const float> row, std::span<float> values) const override {
    for (std::size_t i = 0; i < width_; ++i) values[i] = row[i];
  }

 private:
  float keep_;
  std::size_t width_;
};

// Counts the keys whose first value is above a threshold.
class CountAbove final : public steelyard::CustomFunction {
 public:
  explicit CountAbove(double threshold) : threshold_(threshold) {}
  void Row(steelyard::Key, std::span<float> values) override { count_ += values[0] > threshold_; }
  steelyard::FunctionAnswer Finish() override { return {{count_}, {}}; }

 private:
  double threshold_;
  double count_ = 0;
};

}  // namespace

STEELYARD_FUNCTIONS(registry) {
  registry.AddUpdater("fading", [](const steelyard::UpdaterOptions& options, std::size_t width) {
    if (!(options.alpha >= 0 && options.alpha < 1))
      throw std::invalid_argument("alpha, what is kept of older pushes, must be in [0, 1)");
    return std::make_unique<Fading>(options.alpha, width);
  });
  registry.AddFunction("count_above", steelyard::Effect::kReads,
                       [](std::span<const steelyard::Argument> arguments) {
                         return std::make_unique<CountAbove>(std::get<double>(arguments[0]));
                       });
  // steelyard jobs call JOB loss_above 0.5
  registry.AddWorkerFunction(
      "loss_above",
      [](const steelyard::WorkerProgress& progress, const std::string& limit) -> std::string {
        const double most = std::stod(limit);  // What it throws, the caller is told.
        if (!progress.loss) return "unknown";
        return *progress.loss > most ? "yes" : "no";
      });
}
