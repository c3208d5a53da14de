"""Goal: one worker learns the same weights, bit for bit, in process and with any number of servers, at any delay.
Method: dumps of all rows with all their bits, compared; first that the model is a real one."""
import math
import pathlib
import unittest

import training

RUNS = {"in process": [], "in process, tau 0": ["--tau", "0"],
        "in process, a thread each": ["--threads", "8"], "in process, one thread": ["--threads", "1"],
        **{f"{n} servers": ["--servers", str(n), "--workers", "1"] for n in (1, 2, 3)}}


class SameBits(unittest.TestCase):
    def test_servers_and_delay_do_not_change_a_bit(self):
        with training.scratch() as name:
            folder = pathlib.Path(name)
            digests = {}
            for run, flags in RUNS.items():
                result = training.train(folder, training.FLIGHTS, "--schema", training.SCHEMA, "--holdout", "every",
                                        *flags)
                self.assertGreater(result["nonzeros"], 10_000, run)
                positives = 0.2  # Share of late flights; the entropy of a constant prediction is the loss to beat.
                base = -positives * math.log(positives) - (1 - positives) * math.log(1 - positives)
                self.assertLess(result["valid"]["log_loss"], base, run)
                digests[run], lines = training.dump_digest(folder, "model")
                self.assertEqual(lines, result["features"], run)
            self.assertEqual(len(digests), len(RUNS))
            self.assertEqual(len(set(digests.values())), 1, digests)


if __name__ == "__main__":
    training.run_tests(training.FLIGHTS)
