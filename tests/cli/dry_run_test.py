"""train --dry-run: says what would be trained, reads a few rows, leaves nothing behind."""
import unittest

from command import SANITIZED, CommandTest, svm_rows


class DryRun(CommandTest):
    def look(self, *arguments, stdin: bytes = b"") -> dict:
        return self.succeed("train", *arguments, "--dry-run", "--json", stdin=stdin).json()

    def test_the_text(self):
        self.write("a.svm", svm_rows(3000))
        before = sorted(p.name for p in self.folder.iterdir())
        lines = self.succeed("train", "a.svm", "--dry-run", "--servers", "2", "--workers", "2", "--holdout", "every").out
        self.assertIn("files     a.svm, read as libsvm\n", lines)
        self.assertIn("rows      3,000, about 300 of them held out, 8.0 features each\n", lines)
        first = svm_rows(3000).splitlines()[0]
        shown = " ".join(f.split(":")[0] for f in first.split()[1:])
        self.assertIn(f"  row 0   label {first[0]}: {shown}\n", lines)
        self.assertIn("features  50 distinct\n", lines)
        self.assertRegex(lines, r"memory    about [\d.]+ MB in each of 2 servers, [\d.]+ MB in each of 2 workers\n")
        self.assertTrue(lines.endswith("model     ./steelyard-model\nnothing was trained (--dry-run)\n"))
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), before)

    def test_names_and_weights_are_shown(self):
        self.write("a.vw", "1 0.5 |user age:0.25 NY | plain\n" * 50)
        row = self.look("a.vw")["first_rows"][0]
        self.assertEqual(row, {"row": 0, "label": 1.0, "weight": 0.5, "feature_count": 3,
                               "features": [["user=age", 0.25], ["user=NY", 1.0], ["plain", 1.0]]})

    def test_features_are_estimated_from_a_sample(self):
        self.succeed("datagen", "--rows", "400000", "--features", "300000", "--fields", "8", "--out", "a.svm", "--quiet")
        report = self.look("a.svm")
        self.assertEqual(report["rows"], 400000)
        self.assertLess(report["sampled_rows"], 200000)
        self.assertAlmostEqual(report["nonzeros_per_row"], 8.0)
        seen = self.succeed("train", "a.svm", "--json", "--quiet").json()["features"]
        self.assertGreater(report["features"], seen * 0.7)
        self.assertLess(report["features"], seen * 1.4)

    def test_the_rows_of_a_batch_solver_count_in_its_memory(self):
        self.succeed("datagen", "--rows", "200000", "--features", "100000", "--out", "a.svm", "--quiet")
        report = self.look("a.svm", "--solver", "dbpg")
        self.assertNotIn("minibatch", report)
        needs = report["server_memory_bytes"] + report["worker_memory_bytes"]
        seen = self.succeed("train", "a.svm", "--solver", "dbpg", "--passes", "2", "--json", "--quiet").json()["peak_memory_bytes"]
        if not SANITIZED:
            self.assertTrue(0.7 * seen < needs < 1.5 * seen, (needs, seen))
        text = self.succeed("train", "-", "--solver", "dbpg", "--dry-run", stdin=svm_rows(500).encode()).out
        self.assertRegex(text, r"plan      logistic by dbpg, 1,000 passes, 1 shard\nmemory .* for these rows alone\n")

    def test_a_stream(self):
        report = self.look("-", "--workers", "2", stdin=svm_rows(500).encode())
        self.assertNotIn("rows", report)
        self.assertEqual((report["sampled_rows"], report["features"], report["shards"]), (500, 50, 1))

    def test_what_train_refuses_is_refused(self):
        self.write("a.svm", "1 1:1\nx 1:1\n")
        self.assertIn("a.svm:2: ", self.fail_with(65, "train", "a.svm", "--dry-run"))
        self.assertEqual(self.look("a.svm", "--bad-rows-max", "1")["bad_rows"], 1)
        self.assertIn("no such file", self.fail_with(65, "train", "b.svm", "--dry-run"))
        self.assertIn("create it before saving", self.fail_with(65, "train", "a.svm", "--dry-run", "--model", "no/model"))
        self.assertIn("nowhere", self.fail_with(65, "train", "a.svm", "--dry-run", "--init", "nowhere"))


if __name__ == "__main__":
    unittest.main()
