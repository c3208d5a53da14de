"""Goal: `--solver dbpg` ends at the optimum of millions of rows: one-hot fields, and the flights of the demonstration.
Method: as optimum_test.py; these take minutes, so only `./test --full` runs them."""
import pathlib

import solving
import training

# Source: the README of the data folder, table of l1-regularised logistic regression; the synthetic one by a longer run.
OPTIMA = {"synthetic": 387701.83, "flights-3m": 833452.06}


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
            self.solve(folder, training.FLIGHTS, "--schema", training.SCHEMA, "--holdout", "every")


if __name__ == "__main__":
    training.run_tests(training.GENERATOR_SOURCE, training.FLIGHTS)
