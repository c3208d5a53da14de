"""Goal: per-row quality. Method: the figures of Vowpal Wabbit 9.11 (FTRL, alpha 0.1, beta 1, l1 1, no constant) on the
same rows, progressive and held-out, to 0.0002; two workers at the default delay stay within half a percent."""
import pathlib
import unittest

import training

TOLERANCE = 0.0002
# Source: the README of the data folder, table "One pass, online".
SYNTHETIC = {"progressive": 0.434899, "log_loss": 0.425709, "auc": 0.80778}
FLIGHTS = {"every": {"progressive": 0.388578, "log_loss": 0.387460, "auc": 0.80687, "rows": 2_699_999},
           "last:10%": {"progressive": 0.384344, "log_loss": 0.452109, "auc": 0.76527, "rows": 2_700_000}}


class Reference(unittest.TestCase):
    def check(self, result: dict, expected: dict):
        self.assertAlmostEqual(result["progressive_log_loss"], expected["progressive"], delta=TOLERANCE)
        self.assertAlmostEqual(result["valid"]["log_loss"], expected["log_loss"], delta=TOLERANCE)
        self.assertAlmostEqual(result["valid"]["auc"], expected["auc"], delta=TOLERANCE)

    def test_flights_match_per_row_learning(self):
        with training.scratch() as folder:
            for split, expected in FLIGHTS.items():
                with self.subTest(split=split):
                    result = training.train(pathlib.Path(folder), training.FLIGHTS, "--schema", training.SCHEMA,
                                            "--holdout", split, "--tau", "0")
                    self.assertEqual(result["rows"], expected["rows"])
                    self.check(result, expected)

    def test_two_workers_at_the_default_delay_cost_half_a_percent_at_most(self):
        with training.scratch() as folder:
            for split, expected in FLIGHTS.items():
                with self.subTest(split=split):
                    result = training.train(pathlib.Path(folder), training.FLIGHTS, "--schema", training.SCHEMA,
                                            "--holdout", split, "--servers", "2", "--workers", "2")
                    self.assertEqual(result["rows"], expected["rows"])
                    self.assertLessEqual(result["valid"]["log_loss"], 1.005 * expected["log_loss"])

    def test_synthetic_clicks_match_per_row_learning(self):
        with training.scratch() as name:
            folder = pathlib.Path(name)
            training.make_synthetic(folder)
            result = training.train(folder, "train.svm", "--valid", "test.svm", "--tau", "0")
            self.assertEqual(result["rows"], 1_000_000)
            self.check(result, SYNTHETIC)
            other = training.train(folder, "train.svm", "--valid", "test.svm", "--tau", "0", "--minibatch", "1000")
            self.check(other, SYNTHETIC)
            two = training.train(folder, "train.svm", "--valid", "test.svm", "--servers", "2", "--workers", "2")
            self.assertLessEqual(two["valid"]["log_loss"], 1.005 * SYNTHETIC["log_loss"])


if __name__ == "__main__":
    training.run_tests(training.FLIGHTS, training.GENERATOR_SOURCE)
