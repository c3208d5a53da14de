"""Goal: `--solver dbpg` ends at the optimum of millions of rows: one-hot fields, and the flights of the demonstration.
Method: as optimum_test.py; these take minutes, so only `./test --full` runs them."""
import pathlib

import solving
import training

# Source: the README of the data folder, table of l1-regularised logistic regression.
OPTIMA = {"synthetic": 387701.83}
FLIGHTS_BEST = 833452.06  # Of liblinear, after its 1000 iterations; the optimum is lower.


class OptimumOfLargeData(solving.TestCase):
    OPTIMA = OPTIMA

    def test_synthetic_clicks(self):
        with training.scratch() as name:
            folder = pathlib.Path(name)
            training.make_synthetic(folder)
            (folder / "train.svm").rename(folder / "synthetic.svm")
            for flags in ([], ["--tau", "0"], ["--servers", "2", "--workers", "4", "--tau", "4"]):
                self.solve(folder, "synthetic.svm", *flags)

    def test_flights(self):
        with training.scratch() as name:
            folder = pathlib.Path(name)
            result = training.train(folder, training.FLIGHTS, "--schema", training.SCHEMA, "--holdout", "every",
                                    "--solver", "dbpg", "--passes", "60")
            self.assertLess(result["objective"], FLIGHTS_BEST)


if __name__ == "__main__":
    training.run_tests(training.GENERATOR_SOURCE, training.FLIGHTS)
