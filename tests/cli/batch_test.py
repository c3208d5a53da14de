"""train with a batch solver: importance of rows, and what its report says."""
import json
import os
import signal
import subprocess
import time
import unittest

from command import BINARY, CommandTest, svm_rows
from process_watch import alive, children_of, role_of, wait_for


class Batch(CommandTest):
    def solve(self, rows: str, *flags) -> dict:
        run = self.succeed("train", rows, "--solver", "dbpg", "--l1", "2", *flags, "--json", "--quiet").json()
        self.assertTrue(run["certified"])
        self.assertGreater(run["nonzeros"], 5)
        return run

    def test_importance_counts_as_so_many_rows(self):
        rows = svm_rows(600).splitlines()
        # VW: label, importance, features.
        weighted = [f"{1 if row.split()[0] == '1' else -1} {i % 3} | {' '.join(row.split()[1:])}"
                    for i, row in enumerate(rows)]
        repeated = [line.replace(f" {i % 3} |", " |") for i, line in enumerate(weighted) for _ in range(i % 3)]
        self.write("weighted.vw", "\n".join(weighted) + "\n")
        self.write("repeated.vw", "\n".join(repeated) + "\n")
        self.assertEqual(len(repeated), 600)
        wanted = self.solve("repeated.vw")
        for place in ([], ["--workers", "2", "--servers", "2"]):
            run = self.solve("weighted.vw", *place)
            self.assertAlmostEqual(run["objective"], wanted["objective"], delta=2e-4 * wanted["objective"])
            self.assertGreaterEqual(run["gap"], 0)


    def test_owlqn_ends_where_dbpg_does(self):
        self.write("rows.svm", svm_rows(600))
        wanted = self.solve("rows.svm")
        for place in ([], ["--workers", "2", "--servers", "2"]):
            run = self.solve("rows.svm", "--solver", "owlqn", *place)
            self.assertAlmostEqual(run["objective"], wanted["objective"], delta=2e-4 * wanted["objective"])
            self.assertGreaterEqual(run["gap"], 0)
            self.assertEqual(len(run["history"]), run["passes"])
        self.assertEqual(len(self.succeed("predict", "rows.svm").out.splitlines()), 600)
        short = self.succeed("train", "rows.svm", "--solver", "owlqn", "--passes", "2", "--json", "--quiet").json()
        self.assertFalse(short["certified"])
        self.assertEqual(short["passes"], 2)

    def test_both_are_judged_by_held_out_rows(self):
        self.write("rows.svm", svm_rows(600))
        for solver in ("dbpg", "owlqn"):
            for flags in (["--holdout", "every"], ["--valid", "rows.svm", "--workers", "2"]):
                run = self.solve("rows.svm", "--solver", solver, *flags)
                self.assertLess(run["valid"]["log_loss"], 0.6)

    def test_what_owlqn_does_not_take(self):
        self.write("rows.svm", svm_rows(20))
        for flags, hint in ((["--tau", "4"], "--tau has no effect"), (["--tau", "auto"], "--tau has no effect"),
                            (["--filters", "kkt"], "--filters has no effect"), (["--task", "hinge"], "squared_hinge"),
                            (["--aggregate"], "--aggregate has no effect")):
            self.assertIn(hint, self.fail_with(2, "train", "rows.svm", "--solver", "owlqn", *flags))

    def solve_with_a_straggler(self, *flags) -> dict:
        """Three worker processes, the first one stopped 20 ms in 40."""
        process = subprocess.Popen([BINARY, "train", "rows.svm", "--solver", "dbpg", "--l1", "2", "--servers", "1", "--workers", "3", *flags,
                                    "--json", "--quiet"], cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, text=True)
        straggler = wait_for(lambda: sorted(pid for pid in children_of(process.pid) if role_of(pid) == "worker")[:1], "a worker")[0]
        while process.poll() is None:
            for sign in (signal.SIGSTOP, signal.SIGCONT):
                if alive(straggler):
                    os.kill(straggler, sign)
                time.sleep(0.02)
        out, _ = process.communicate()
        self.assertEqual(process.returncode, 0)
        return json.loads(out)

    def test_a_straggler_gives_its_rows_away(self):
        self.succeed("datagen", "--rows", "50000", "--features", "20000", "--out", "rows.svm", "--quiet")
        runs = []
        for _ in range(3):  # Where processors are short it may look no slower than the others.
            runs.append(self.solve_with_a_straggler("--seed", str(len(runs))))
            if runs[-1]["shards_moved"]:
                break
        moved = runs[-1]["shards_moved"]
        self.assertTrue(moved, f"nothing moved in {len(runs)} runs")
        for gift in moved:
            self.assertTrue(0 < gift["shards"] <= gift["of"], gift)
            self.assertRegex(gift["worker"], r"^worker \d+ \(")
        runs.append(self.solve_with_a_straggler("--rebalance", "off"))
        self.assertEqual(runs[-1]["shards_moved"], [])
        best = min(run["objective"] for run in runs)
        for run in runs:
            self.assertTrue(run["certified"])
            self.assertLessEqual(run["objective"], best * 1.0002)
            self.assertEqual(run["rows"], 50000)
        print(f"{len(runs)} runs, moved: {moved}")

    def test_a_bad_row_counts_once_in_all_passes(self):
        lines = svm_rows(600).splitlines()
        lines[7] = lines[500] = "no row"
        self.write("rows.svm", "\n".join(lines) + "\n")
        run = self.solve("rows.svm", "--bad-rows-max", "2", "--workers", "2")
        self.assertGreater(run["passes"], 2)
        self.assertEqual((run["rows"], run["bad_rows"]), (598, 2))

    def test_rows_of_a_stream_stay(self):
        self.write("rows.svm", svm_rows(600))
        self.assertIn("name a file", self.fail_with(2, "train", "-", "--solver", "dbpg", "--rebalance", "on"))
        self.assertIn("use dbpg or owlqn", self.fail_with(2, "train", "rows.svm", "--rebalance", "on"))


if __name__ == "__main__":
    unittest.main()
