"""train with a batch solver: importance of rows, and what its report says."""
import unittest

from command import CommandTest, svm_rows


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
        for flags, hint in ((["--tau", "4"], "leave --tau out"), (["--tau", "auto"], "leave --tau out"),
                            (["--filters", "kkt"], "'none' is all"), (["--task", "hinge"], "squared_hinge"),
                            (["--aggregate"], "leave --aggregate out")):
            self.assertIn(hint, self.fail_with(2, "train", "rows.svm", "--solver", "owlqn", *flags))


if __name__ == "__main__":
    unittest.main()
