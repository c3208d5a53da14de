"""Runs of `--solver dbpg` that must end at an optimum that is known."""
import json
import pathlib
import unittest

import training

WITHIN = 1e-4
ROUNDING = 1e-7  # Sweeps compute margins anew, from weights that are floats.


class TestCase(unittest.TestCase):
    OPTIMA: dict[str, float] = {}  # By the first file's name without its ending.

    def solve(self, folder: pathlib.Path, rows, *flags: str) -> dict:
        """Train; the objective is the optimum, and no pass that was kept made it worse."""
        optimum = self.OPTIMA[pathlib.Path(rows).stem]
        result = training.train(folder, rows, "--solver", "dbpg", *flags)
        what = json.dumps({"rows": str(rows), "flags": flags, "objective": result["objective"]})
        self.assertTrue(result["certified"], what)
        self.assertLess(result["objective"], optimum * (1 + WITHIN), what)
        self.assertGreater(result["objective"], optimum * (1 - WITHIN), what)
        self.assertEqual(len(result["history"]), result["passes"], what)
        kept = [step["objective"] for step in result["history"]]
        for before, after in zip(kept, kept[1:]):
            self.assertLessEqual(after, before * (1 + ROUNDING), what)
        return result
